-- The first schema on SQLite, frozen. SQLite cannot add a constraint to a table, so each is within its table.
-- A statement begins at the margin; its other lines are indented.

CREATE TABLE agent_availability (
    agent TEXT NOT NULL,
    available BOOLEAN DEFAULT 1,
    unavailable_until DATETIME,
    degraded_until DATETIME,
    reason TEXT,
    CONSTRAINT agent_availability_pkey PRIMARY KEY (agent)
);

CREATE TABLE audit_log (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    actor_person TEXT NOT NULL,
    action_type TEXT NOT NULL,
    target_session_id TEXT,
    timestamp DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL,
    detail JSON
);

CREATE TABLE conversation_links (
    link_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    status TEXT DEFAULT 'active' NOT NULL,
    created_by_session_id TEXT NOT NULL,
    metadata_json JSON,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    closed_at DATETIME,
    CONSTRAINT conversation_links_pkey PRIMARY KEY (link_id),
    CONSTRAINT conversation_links_mode_check CHECK (mode IN ('direct_link', 'gathering_link')),
    CONSTRAINT conversation_links_status_check CHECK (status IN ('active', 'closed'))
);

CREATE TABLE hook_outbox (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    payload JSON NOT NULL,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    next_attempt_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    attempt_count INTEGER DEFAULT '0',
    last_error TEXT,
    delivered_at DATETIME,
    locked_at DATETIME,
    event_id TEXT
);

CREATE TABLE inbound_queue (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    origin TEXT NOT NULL,
    message_type TEXT DEFAULT 'text' NOT NULL,
    content TEXT DEFAULT '' NOT NULL,
    payload_json JSON,
    actor_id TEXT,
    actor_name TEXT,
    actor_avatar_url TEXT,
    status TEXT DEFAULT 'pending' NOT NULL,
    created_at DATETIME NOT NULL,
    processed_at DATETIME,
    attempt_count INTEGER DEFAULT '0' NOT NULL,
    next_retry_at DATETIME,
    last_error TEXT,
    locked_at DATETIME,
    source_message_id TEXT,
    source_channel_id TEXT,
    CONSTRAINT inbound_queue_message_type_check CHECK (message_type IN ('text', 'voice', 'file')),
    CONSTRAINT inbound_queue_status_check CHECK (status IN ('pending', 'processing', 'delivered', 'failed', 'expired'))
);

CREATE TABLE memory_manual_sessions (
    memory_session_id TEXT NOT NULL,
    project TEXT NOT NULL,
    created_at_epoch INTEGER NOT NULL,
    CONSTRAINT memory_manual_sessions_pkey PRIMARY KEY (memory_session_id),
    CONSTRAINT memory_manual_sessions_project_key UNIQUE (project)
);

CREATE TABLE memory_observations (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    memory_session_id TEXT NOT NULL,
    project TEXT NOT NULL,
    type TEXT NOT NULL,
    title TEXT,
    subtitle TEXT,
    facts JSON,
    narrative TEXT,
    concepts JSON,
    files_read JSON,
    files_modified JSON,
    prompt_number INTEGER,
    discovery_tokens INTEGER DEFAULT '0',
    created_at DATETIME NOT NULL,
    created_at_epoch INTEGER NOT NULL,
    identity_key TEXT
);

CREATE TABLE memory_summaries (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    memory_session_id TEXT NOT NULL,
    project TEXT NOT NULL,
    request TEXT,
    investigated TEXT,
    learned TEXT,
    completed TEXT,
    next_steps TEXT,
    created_at DATETIME NOT NULL,
    created_at_epoch INTEGER NOT NULL
);

CREATE TABLE migration_runs (
    run_id TEXT NOT NULL,
    state TEXT NOT NULL,
    source TEXT NOT NULL,
    source_sha256 TEXT NOT NULL,
    started_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL,
    finished_at DATETIME,
    CONSTRAINT migration_runs_pkey PRIMARY KEY (run_id),
    CONSTRAINT migration_runs_state_check CHECK (state IN ('pending', 'complete'))
);

CREATE TABLE mirror_tombstones (
    source_identity TEXT NOT NULL,
    agent TEXT NOT NULL,
    transcript_path TEXT NOT NULL,
    file_size INTEGER NOT NULL,
    file_mtime TEXT NOT NULL,
    created_at DATETIME NOT NULL,
    CONSTRAINT mirror_tombstones_pkey PRIMARY KEY (source_identity)
);

CREATE TABLE mirrors (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    source_identity TEXT,
    computer TEXT NOT NULL,
    agent TEXT NOT NULL,
    project TEXT DEFAULT '' NOT NULL,
    title TEXT DEFAULT '' NOT NULL,
    timestamp_start DATETIME,
    timestamp_end DATETIME,
    conversation_text TEXT DEFAULT '' NOT NULL,
    message_count INTEGER DEFAULT '0' NOT NULL,
    metadata JSON DEFAULT '{}',
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL
);

CREATE TABLE notification_outbox (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    recipient_email TEXT NOT NULL,
    content TEXT NOT NULL,
    file_path TEXT,
    delivery_channel TEXT DEFAULT 'telegram' NOT NULL,
    status TEXT DEFAULT 'pending' NOT NULL,
    created_at DATETIME NOT NULL,
    delivered_at DATETIME,
    attempt_count INTEGER DEFAULT '0',
    next_attempt_at DATETIME,
    last_error TEXT,
    locked_at DATETIME
);

CREATE TABLE operations (
    operation_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    caller_session_id TEXT NOT NULL,
    client_request_id TEXT,
    cwd TEXT NOT NULL,
    slug TEXT,
    payload_json JSON NOT NULL,
    state TEXT NOT NULL,
    progress_phase TEXT,
    progress_decision TEXT,
    progress_reason TEXT,
    result_text TEXT,
    error_text TEXT,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    started_at DATETIME,
    completed_at DATETIME,
    heartbeat_at DATETIME,
    attempt_count INTEGER DEFAULT '0' NOT NULL,
    CONSTRAINT operations_pkey PRIMARY KEY (operation_id),
    CONSTRAINT operations_state_check CHECK (state IN ('queued', 'running', 'completed', 'failed', 'stale', 'cancelled'))
);

CREATE TABLE session_listeners (
    target_session_id TEXT NOT NULL,
    caller_session_id TEXT NOT NULL,
    caller_tmux_session TEXT NOT NULL,
    registered_at DATETIME NOT NULL,
    CONSTRAINT session_listeners_pkey PRIMARY KEY (target_session_id, caller_session_id)
);

CREATE TABLE sessions (
    session_id TEXT NOT NULL,
    computer_name TEXT NOT NULL,
    title TEXT,
    tmux_session_name TEXT,
    last_input_origin TEXT DEFAULT 'telegram' NOT NULL,
    adapter_metadata JSON,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    last_activity DATETIME DEFAULT CURRENT_TIMESTAMP,
    closed_at DATETIME,
    terminal_size TEXT DEFAULT '80x24',
    project_path TEXT,
    subdir TEXT,
    description TEXT,
    initiated_by_ai BOOLEAN DEFAULT 0,
    initiator_session_id TEXT,
    output_message_id TEXT,
    notification_sent BOOLEAN DEFAULT 0,
    native_session_id TEXT,
    native_log_file TEXT,
    active_agent TEXT,
    thinking_mode TEXT,
    tui_log_file TEXT,
    tui_capture_started BOOLEAN DEFAULT 0,
    last_message_sent TEXT,
    last_message_sent_at DATETIME,
    last_output_raw TEXT,
    last_output_at DATETIME,
    working_slug TEXT,
    lifecycle_status TEXT DEFAULT 'active',
    last_output_summary TEXT,
    last_output_digest TEXT,
    last_tool_done_at DATETIME,
    last_tool_use_at DATETIME,
    last_checkpoint_at DATETIME,
    human_email TEXT,
    human_role TEXT,
    last_memory_extraction_at DATETIME,
    help_desk_processed_at DATETIME,
    relay_status TEXT,
    relay_discord_channel_id TEXT,
    relay_started_at DATETIME,
    char_offset INTEGER DEFAULT '0',
    transcript_files JSON DEFAULT '[]',
    visibility TEXT DEFAULT 'private',
    session_metadata JSON,
    turn_triggered_by_linked_output BOOLEAN DEFAULT 0 NOT NULL,
    principal TEXT,
    owner_person TEXT DEFAULT '' NOT NULL,
    owner_uid INTEGER DEFAULT '-1' NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (session_id)
);

CREATE TABLE system_settings (
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT system_settings_pkey PRIMARY KEY ("key")
);

CREATE TABLE voice_assignments (
    id TEXT NOT NULL,
    service_name TEXT,
    voice TEXT DEFAULT '',
    assigned_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT voice_assignments_pkey PRIMARY KEY (id)
);

CREATE TABLE webhook_contracts (
    id TEXT NOT NULL,
    contract_json JSON NOT NULL,
    active BOOLEAN DEFAULT 1 NOT NULL,
    source TEXT DEFAULT 'api' NOT NULL,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    CONSTRAINT webhook_contracts_pkey PRIMARY KEY (id)
);

CREATE TABLE webhook_outbox (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    contract_id TEXT NOT NULL,
    event_json JSON NOT NULL,
    target_url TEXT NOT NULL,
    target_secret TEXT,
    status TEXT DEFAULT 'pending' NOT NULL,
    created_at DATETIME NOT NULL,
    delivered_at DATETIME,
    attempt_count INTEGER DEFAULT '0' NOT NULL,
    next_attempt_at DATETIME,
    last_error TEXT,
    locked_at DATETIME
);

CREATE TABLE conversation_link_members (
    link_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    participant_name TEXT,
    participant_number INTEGER,
    participant_role TEXT,
    computer_name TEXT,
    joined_at DATETIME NOT NULL,
    CONSTRAINT conversation_link_members_pkey PRIMARY KEY (link_id, session_id),
    CONSTRAINT conversation_link_members_link_id_fkey FOREIGN KEY(link_id) REFERENCES conversation_links (link_id) ON DELETE CASCADE
);

CREATE TABLE pending_message_deletions (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    deletion_type TEXT NOT NULL,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT pending_message_deletions_deletion_type_check CHECK (deletion_type IN ('user_input', 'feedback')),
    CONSTRAINT pending_message_deletions_session_id_fkey FOREIGN KEY(session_id) REFERENCES sessions (session_id) ON DELETE CASCADE,
    CONSTRAINT pending_message_deletions_session_id_message_id_deletion_type_key UNIQUE (session_id, message_id, deletion_type)
);

CREATE TABLE session_tokens (
    token TEXT NOT NULL,
    session_id TEXT NOT NULL,
    principal TEXT NOT NULL,
    role TEXT NOT NULL,
    issued_at DATETIME NOT NULL,
    expires_at DATETIME NOT NULL,
    revoked_at DATETIME,
    CONSTRAINT session_tokens_pkey PRIMARY KEY (token),
    CONSTRAINT session_tokens_session_id_fkey FOREIGN KEY(session_id) REFERENCES sessions (session_id) ON DELETE CASCADE
);

CREATE INDEX idx_audit_log_session ON audit_log (target_session_id);
CREATE INDEX idx_audit_log_timestamp ON audit_log (timestamp);
CREATE INDEX idx_conversation_link_members_session ON conversation_link_members (session_id);
CREATE INDEX idx_conversation_links_status ON conversation_links (status);
CREATE UNIQUE INDEX idx_hook_outbox_event ON hook_outbox (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX idx_hook_outbox_pending ON hook_outbox (delivered_at, next_attempt_at);
CREATE INDEX idx_inbound_queue_session_status ON inbound_queue (session_id, status, next_retry_at);
CREATE UNIQUE INDEX idx_inbound_queue_source_dedup ON inbound_queue (origin, source_message_id) WHERE source_message_id IS NOT NULL;
CREATE INDEX idx_memory_obs_identity ON memory_observations (project, identity_key);
CREATE INDEX idx_memory_obs_project ON memory_observations (project, created_at_epoch DESC);
CREATE INDEX idx_memory_obs_session ON memory_observations (memory_session_id);
CREATE INDEX idx_memory_obs_type ON memory_observations (type);
CREATE INDEX idx_memory_sum_project ON memory_summaries (project, created_at_epoch DESC);
CREATE INDEX idx_memory_sum_session ON memory_summaries (memory_session_id);
CREATE INDEX idx_mirrors_agent ON mirrors (agent);
CREATE INDEX idx_mirrors_project ON mirrors (project);
CREATE UNIQUE INDEX idx_mirrors_source_identity ON mirrors (source_identity);
CREATE INDEX idx_mirrors_timestamp ON mirrors (timestamp_start DESC);
CREATE INDEX idx_notification_outbox_next_attempt_at ON notification_outbox (next_attempt_at);
CREATE INDEX idx_notification_outbox_status ON notification_outbox (status);
CREATE INDEX idx_operations_owner_state ON operations (caller_session_id, kind, state, created_at DESC);
CREATE UNIQUE INDEX idx_operations_request_dedupe ON operations (kind, caller_session_id, client_request_id) WHERE client_request_id IS NOT NULL;
CREATE INDEX idx_operations_state_heartbeat ON operations (state, heartbeat_at);
CREATE INDEX idx_pending_deletions_session ON pending_message_deletions (session_id);
CREATE INDEX idx_session_listeners_caller ON session_listeners (caller_session_id);
CREATE INDEX idx_session_tokens_expires ON session_tokens (expires_at);
CREATE INDEX idx_session_tokens_session ON session_tokens (session_id);
CREATE INDEX idx_sessions_closed_at ON sessions (closed_at);
CREATE INDEX idx_sessions_computer ON sessions (computer_name);
CREATE INDEX idx_sessions_initiator ON sessions (initiator_session_id);
CREATE INDEX idx_sessions_last_activity ON sessions (last_activity DESC, session_id);
CREATE INDEX idx_sessions_lifecycle_status ON sessions (lifecycle_status);
CREATE INDEX idx_sessions_native_session_id ON sessions (native_session_id);
CREATE INDEX idx_sessions_owner ON sessions (owner_uid);
CREATE INDEX idx_voice_assignments_assigned_at ON voice_assignments (assigned_at);
CREATE INDEX idx_webhook_contracts_active ON webhook_contracts (active);
CREATE INDEX idx_webhook_outbox_next_attempt ON webhook_outbox (next_attempt_at);
CREATE INDEX idx_webhook_outbox_status ON webhook_outbox (status);

-- Rows are added to the audit log and never changed.
CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only');
    END;
CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only');
    END;

-- The search, as the single-user program had it. A SQLite without FTS5 does without.
CREATE VIRTUAL TABLE memory_observations_fts USING fts5(title, subtitle, narrative, facts, concepts, content='memory_observations', content_rowid='id');
CREATE TRIGGER memory_obs_ai AFTER INSERT ON memory_observations BEGIN
    INSERT INTO memory_observations_fts (rowid, title, subtitle, narrative, facts, concepts) VALUES (new.id, new.title, new.subtitle, new.narrative, new.facts, new.concepts);
    END;
CREATE TRIGGER memory_obs_ad AFTER DELETE ON memory_observations BEGIN
    INSERT INTO memory_observations_fts (memory_observations_fts, rowid, title, subtitle, narrative, facts, concepts) VALUES ('delete', old.id, old.title, old.subtitle, old.narrative, old.facts, old.concepts);
    END;
CREATE TRIGGER memory_obs_au AFTER UPDATE ON memory_observations BEGIN
    INSERT INTO memory_observations_fts (memory_observations_fts, rowid, title, subtitle, narrative, facts, concepts) VALUES ('delete', old.id, old.title, old.subtitle, old.narrative, old.facts, old.concepts);
    INSERT INTO memory_observations_fts (rowid, title, subtitle, narrative, facts, concepts) VALUES (new.id, new.title, new.subtitle, new.narrative, new.facts, new.concepts);
    END;

CREATE VIRTUAL TABLE mirrors_fts USING fts5(title, conversation_text, content='mirrors', content_rowid='id');
CREATE TRIGGER mirrors_ai AFTER INSERT ON mirrors BEGIN
    INSERT INTO mirrors_fts (rowid, title, conversation_text) VALUES (new.id, new.title, new.conversation_text);
    END;
CREATE TRIGGER mirrors_ad AFTER DELETE ON mirrors BEGIN
    INSERT INTO mirrors_fts (mirrors_fts, rowid, title, conversation_text) VALUES ('delete', old.id, old.title, old.conversation_text);
    END;
CREATE TRIGGER mirrors_au AFTER UPDATE ON mirrors BEGIN
    INSERT INTO mirrors_fts (mirrors_fts, rowid, title, conversation_text) VALUES ('delete', old.id, old.title, old.conversation_text);
    INSERT INTO mirrors_fts (rowid, title, conversation_text) VALUES (new.id, new.title, new.conversation_text);
    END;
