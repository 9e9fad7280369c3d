-- The first schema on PostgreSQL, frozen: what is made after the rows are loaded (pg_dump: post-data).
-- Each statement makes one constraint or index, and is found by its name. Foreign keys come last: they need the keys.
ALTER TABLE agent_availability ADD CONSTRAINT agent_availability_pkey PRIMARY KEY (agent);
ALTER TABLE audit_log ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);
ALTER TABLE conversation_link_members ADD CONSTRAINT conversation_link_members_pkey PRIMARY KEY (link_id, session_id);
ALTER TABLE conversation_links ADD CONSTRAINT conversation_links_pkey PRIMARY KEY (link_id);
ALTER TABLE hook_outbox ADD CONSTRAINT hook_outbox_pkey PRIMARY KEY (id);
ALTER TABLE inbound_queue ADD CONSTRAINT inbound_queue_pkey PRIMARY KEY (id);
ALTER TABLE memory_manual_sessions ADD CONSTRAINT memory_manual_sessions_pkey PRIMARY KEY (memory_session_id);
ALTER TABLE memory_observations ADD CONSTRAINT memory_observations_pkey PRIMARY KEY (id);
ALTER TABLE memory_summaries ADD CONSTRAINT memory_summaries_pkey PRIMARY KEY (id);
ALTER TABLE migration_runs ADD CONSTRAINT migration_runs_pkey PRIMARY KEY (run_id);
ALTER TABLE mirror_tombstones ADD CONSTRAINT mirror_tombstones_pkey PRIMARY KEY (source_identity);
ALTER TABLE mirrors ADD CONSTRAINT mirrors_pkey PRIMARY KEY (id);
ALTER TABLE notification_outbox ADD CONSTRAINT notification_outbox_pkey PRIMARY KEY (id);
ALTER TABLE operations ADD CONSTRAINT operations_pkey PRIMARY KEY (operation_id);
ALTER TABLE pending_message_deletions ADD CONSTRAINT pending_message_deletions_pkey PRIMARY KEY (id);
ALTER TABLE session_listeners ADD CONSTRAINT session_listeners_pkey PRIMARY KEY (target_session_id, caller_session_id);
ALTER TABLE session_tokens ADD CONSTRAINT session_tokens_pkey PRIMARY KEY (token);
ALTER TABLE sessions ADD CONSTRAINT sessions_pkey PRIMARY KEY (session_id);
ALTER TABLE system_settings ADD CONSTRAINT system_settings_pkey PRIMARY KEY (key);
ALTER TABLE voice_assignments ADD CONSTRAINT voice_assignments_pkey PRIMARY KEY (id);
ALTER TABLE webhook_contracts ADD CONSTRAINT webhook_contracts_pkey PRIMARY KEY (id);
ALTER TABLE webhook_outbox ADD CONSTRAINT webhook_outbox_pkey PRIMARY KEY (id);

ALTER TABLE memory_manual_sessions ADD CONSTRAINT memory_manual_sessions_project_key UNIQUE (project);
ALTER TABLE pending_message_deletions ADD CONSTRAINT pending_message_deletions_session_id_message_id_deletio_6c1b UNIQUE (session_id, message_id, deletion_type);

ALTER TABLE conversation_links ADD CONSTRAINT conversation_links_mode_check CHECK (mode IN ('direct_link', 'gathering_link'));
ALTER TABLE conversation_links ADD CONSTRAINT conversation_links_status_check CHECK (status IN ('active', 'closed'));
ALTER TABLE inbound_queue ADD CONSTRAINT inbound_queue_message_type_check CHECK (message_type IN ('text', 'voice', 'file'));
ALTER TABLE inbound_queue ADD CONSTRAINT inbound_queue_status_check CHECK (status IN ('pending', 'processing', 'delivered', 'failed', 'expired'));
ALTER TABLE migration_runs ADD CONSTRAINT migration_runs_state_check CHECK (state IN ('pending', 'complete'));
ALTER TABLE operations ADD CONSTRAINT operations_state_check CHECK (state IN ('queued', 'running', 'completed', 'failed', 'stale', 'cancelled'));
ALTER TABLE pending_message_deletions ADD CONSTRAINT pending_message_deletions_deletion_type_check CHECK (deletion_type IN ('user_input', 'feedback'));

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

-- The search: see 0001_pre_data.sql.
CREATE INDEX idx_memory_obs_search ON memory_observations USING gin (search_memory(title, subtitle, narrative, facts, concepts));
CREATE INDEX idx_mirrors_search ON mirrors USING gin (search_mirror(title, conversation_text));

ALTER TABLE conversation_link_members ADD CONSTRAINT conversation_link_members_link_id_fkey FOREIGN KEY (link_id) REFERENCES conversation_links (link_id) ON DELETE CASCADE;
ALTER TABLE pending_message_deletions ADD CONSTRAINT pending_message_deletions_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions (session_id) ON DELETE CASCADE;
ALTER TABLE session_tokens ADD CONSTRAINT session_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions (session_id) ON DELETE CASCADE;
