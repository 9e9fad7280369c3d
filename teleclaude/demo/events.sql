-- The second database of a single-user installation (facts: schema, events.db columns), with a few rows.
CREATE TABLE notifications (
    id INTEGER PRIMARY KEY, event_type TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 1, source TEXT NOT NULL,
    level INTEGER NOT NULL, domain TEXT NOT NULL DEFAULT '', visibility TEXT NOT NULL DEFAULT 'local', entity TEXT,
    description TEXT NOT NULL DEFAULT '', payload TEXT NOT NULL DEFAULT '{}', idempotency_key TEXT UNIQUE,
    human_status TEXT NOT NULL DEFAULT 'unseen', agent_status TEXT NOT NULL DEFAULT 'none', agent_id TEXT,
    resolution TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, seen_at TEXT, claimed_at TEXT, resolved_at TEXT
);
CREATE TABLE quarantined_events (
    id INTEGER PRIMARY KEY, event_type TEXT NOT NULL, source TEXT NOT NULL, received_at TEXT NOT NULL,
    envelope_json TEXT NOT NULL, trust_flags TEXT NOT NULL DEFAULT '[]', reviewed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE correlation_windows (
    id INTEGER PRIMARY KEY, event_type TEXT NOT NULL, entity TEXT, window_start TEXT NOT NULL,
    count INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE signal_clusters (
    id INTEGER PRIMARY KEY, cluster_key TEXT NOT NULL, tags TEXT, is_burst INTEGER NOT NULL DEFAULT 0,
    is_novel INTEGER NOT NULL DEFAULT 0, summary TEXT, member_count INTEGER NOT NULL DEFAULT 0, formed_at TEXT NOT NULL
);
CREATE TABLE signal_items (
    id INTEGER PRIMARY KEY, idempotency_key TEXT NOT NULL UNIQUE, source_id TEXT NOT NULL, item_url TEXT NOT NULL,
    raw_title TEXT, summary TEXT, tags TEXT, embedding TEXT, fetched_at TEXT NOT NULL,
    cluster_id INTEGER REFERENCES signal_clusters(id)
);
CREATE TABLE signal_syntheses (
    id INTEGER PRIMARY KEY, cluster_id INTEGER NOT NULL REFERENCES signal_clusters(id), artifact TEXT NOT NULL,
    produced_at TEXT NOT NULL
);
INSERT INTO notifications (event_type, source, level, payload, idempotency_key, created_at, updated_at) VALUES
    ('session.closed', 'daemon', 2, '{"ratio": NaN}', 'a', '2026-03-01T10:00:00+00:00', '2026-03-01T10:00:00+00:00'),
    ('job.failed', 'cron', 3, '{"job": "digest"}', 'b', '2026-03-02T10:00:00+00:00', '2026-03-02T10:00:00.5+00:00');
INSERT INTO quarantined_events (event_type, source, received_at, envelope_json)
    VALUES ('unknown', 'webhook', '2026-03-03T10:00:00+00:00', '{}');
INSERT INTO correlation_windows (event_type, window_start) VALUES ('job.failed', '2026-03-02T10:00:00+00:00');
INSERT INTO signal_clusters (cluster_key, tags, formed_at) VALUES ('ai', 'ai,devtools', '2026-03-04T10:00:00+00:00');
INSERT INTO signal_items (idempotency_key, source_id, item_url, tags, embedding, fetched_at, cluster_id)
    VALUES ('i', 'feed', 'https://feed.example/1', 'ai,databases', '[0.1, -2e-05]', '2026-03-04T10:00:00+00:00', 1);
INSERT INTO signal_syntheses (cluster_id, artifact, produced_at) VALUES (1, '{"title": "x"}', '2026-03-05T10:00:00+00:00');
