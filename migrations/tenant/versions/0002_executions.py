"""Brings the kind execution: table, history and artifact partitions, guards, grants."""

from __future__ import annotations

from milepost.db.migrate import script

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UP = r"""
CREATE TABLE executions (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    status TEXT DEFAULT 'PENDING' NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    status_reason TEXT,
    status_actor TEXT DEFAULT 'db:' || session_user NOT NULL,
    attempt INTEGER DEFAULT '0' NOT NULL,
    max_attempts INTEGER DEFAULT '3' NOT NULL,
    priority SMALLINT DEFAULT '0' NOT NULL,
    scheduled_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    lease_owner TEXT,
    lease_expires_at TIMESTAMP WITH TIME ZONE,
    claimed_at TIMESTAMP WITH TIME ZONE,
    cancel_requested_at TIMESTAMP WITH TIME ZONE,
    deadline_at TIMESTAMP WITH TIME ZONE NOT NULL,
    progress SMALLINT DEFAULT '0' NOT NULL,
    stage TEXT,
    idempotency_key TEXT,
    request_digest TEXT,
    callback_url TEXT,
    error_code VARCHAR(100),
    error_message TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    user_id UUID,
    prompt TEXT NOT NULL,
    model VARCHAR(100) DEFAULT 'claude-sonnet-4-20250514' NOT NULL,
    max_tokens INTEGER DEFAULT '4096' NOT NULL,
    metadata JSONB,
    timeout_seconds INTEGER DEFAULT '600' NOT NULL,
    job_name VARCHAR(255) NOT NULL,
    pod_name VARCHAR(255),
    output TEXT,
    input_tokens INTEGER,
    output_tokens INTEGER,
    tokens_used INTEGER,
    usage_estimated BOOLEAN DEFAULT false NOT NULL,
    stop_reason VARCHAR(50),
    error_details JSONB,
    estimated_cost NUMERIC(10, 6),
    resources JSONB,
    retain_until TIMESTAMP WITH TIME ZONE,
    is_permanent BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT pk_executions PRIMARY KEY (id),
    CONSTRAINT ck_executions_status CHECK (status IN ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
    CONSTRAINT ck_executions_version CHECK (version >= 1),
    CONSTRAINT ck_executions_status_reason CHECK (octet_length(status_reason) <= 500),
    CONSTRAINT ck_executions_attempts CHECK (attempt >= 0 AND max_attempts BETWEEN 1 AND 100),
    CONSTRAINT ck_executions_priority CHECK (priority BETWEEN -100 AND 100),
    CONSTRAINT ck_executions_progress CHECK (progress BETWEEN 0 AND 100),
    CONSTRAINT ck_executions_stage CHECK (char_length(stage) <= 64),
    CONSTRAINT ck_executions_timeout_seconds CHECK (timeout_seconds > 0),
    CONSTRAINT ck_executions_lease CHECK (num_nulls(lease_owner, lease_expires_at, claimed_at) = 3 OR (num_nulls(lease_owner, lease_expires_at, claimed_at) = 0 AND status IN ('RUNNING'))),
    CONSTRAINT ck_executions_finished_at CHECK ((finished_at IS NOT NULL) = (status IN ('COMPLETED', 'FAILED', 'CANCELLED'))),
    CONSTRAINT ck_executions_idempotency_key CHECK (idempotency_key ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_executions_request_digest CHECK (request_digest ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_executions_callback_url CHECK (char_length(callback_url) <= 2048),
    CONSTRAINT ck_executions_error_message CHECK (char_length(error_message) <= 2000),
    CONSTRAINT ck_executions_prompt CHECK (octet_length(prompt) BETWEEN 1 AND 1048576),
    CONSTRAINT ck_executions_max_tokens CHECK (max_tokens BETWEEN 1 AND 200000),
    CONSTRAINT ck_executions_timeout_limit CHECK (timeout_seconds <= 86400),
    CONSTRAINT ck_executions_metadata CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384),
    CONSTRAINT ck_executions_output CHECK (octet_length(output) <= 262144),
    CONSTRAINT ck_executions_tokens CHECK (input_tokens >= 0 AND output_tokens >= 0),
    CONSTRAINT ck_executions_tokens_used CHECK (input_tokens IS NULL OR output_tokens IS NULL OR tokens_used IS NOT DISTINCT FROM input_tokens + output_tokens),
    CONSTRAINT ck_executions_error_details CHECK (octet_length(error_details::text) <= 16384),
    CONSTRAINT ck_executions_estimated_cost CHECK (estimated_cost >= 0),
    CONSTRAINT fk_executions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE SET NULL
)
 WITH (fillfactor = 85);

CREATE INDEX idx_executions_created_at ON executions (created_at DESC, id);

CREATE INDEX idx_executions_job_name ON executions USING hash (job_name);

CREATE INDEX idx_executions_status ON executions (status, created_at DESC, id) WHERE status IN ('COMPLETED', 'FAILED', 'CANCELLED');

CREATE INDEX ix_executions_due ON executions (scheduled_at, id) WHERE status = 'PENDING';

CREATE INDEX ix_executions_finished_at ON executions (finished_at) WHERE finished_at IS NOT NULL AND retain_until IS NULL AND NOT is_permanent;

CREATE INDEX ix_executions_leased ON executions (id) WHERE lease_owner IS NOT NULL;

CREATE INDEX ix_executions_owner ON executions (user_id, created_at DESC, id);

CREATE INDEX ix_executions_retain_until ON executions (retain_until) WHERE retain_until IS NOT NULL AND NOT is_permanent;

CREATE INDEX ix_executions_waiting_deadline ON executions (deadline_at) WHERE status = 'PENDING';

CREATE UNIQUE INDEX uq_executions_idempotency_key ON executions (idempotency_key) WHERE idempotency_key IS NOT NULL;

DELETE FROM legal_transitions WHERE job_kind = 'execution';
INSERT INTO legal_transitions (job_kind, from_status, to_status, to_phase) VALUES
    ('execution', '', 'PENDING', 'queued'),
    ('execution', 'CANCELLED', 'PENDING', 'queued'),
    ('execution', 'FAILED', 'PENDING', 'queued'),
    ('execution', 'PENDING', 'CANCELLED', 'cancelled'),
    ('execution', 'PENDING', 'FAILED', 'failed'),
    ('execution', 'PENDING', 'RUNNING', 'running'),
    ('execution', 'RUNNING', 'CANCELLED', 'cancelled'),
    ('execution', 'RUNNING', 'COMPLETED', 'succeeded'),
    ('execution', 'RUNNING', 'FAILED', 'failed'),
    ('execution', 'RUNNING', 'PENDING', 'queued');


CREATE TABLE status_transitions_executions PARTITION OF status_transitions FOR VALUES IN ('execution');
ALTER TABLE status_transitions_executions ADD CONSTRAINT fk_status_transitions_executions_job_id_executions
    FOREIGN KEY (job_id) REFERENCES executions (id) ON DELETE CASCADE;
CREATE TRIGGER prevent_status_transitions_executions_update BEFORE UPDATE ON status_transitions_executions
    FOR EACH ROW EXECUTE FUNCTION prevent_history_modification();
CREATE TRIGGER prevent_status_transitions_executions_truncate BEFORE TRUNCATE ON status_transitions_executions
    FOR EACH STATEMENT EXECUTE FUNCTION prevent_history_modification();
ALTER TABLE status_transitions_executions ENABLE ALWAYS TRIGGER prevent_status_transitions_executions_update;
ALTER TABLE status_transitions_executions ENABLE ALWAYS TRIGGER prevent_status_transitions_executions_truncate;

CREATE TABLE artifacts_executions PARTITION OF artifacts FOR VALUES IN ('execution');
ALTER TABLE artifacts_executions ADD CONSTRAINT fk_artifacts_executions_job_id_executions
    FOREIGN KEY (job_id) REFERENCES executions (id) ON DELETE CASCADE;


CREATE TRIGGER guard_executions BEFORE UPDATE ON executions
    FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.version <> NEW.version OR OLD.id <> NEW.id OR NEW.progress < OLD.progress)
    EXECUTE FUNCTION guard_job();
CREATE TRIGGER update_executions_updated_at BEFORE UPDATE ON executions
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

CREATE FUNCTION record_executions_insert() RETURNS trigger

    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_nestloop = off
    SET enable_seqscan = off

AS $$
BEGIN
    IF EXISTS (SELECT FROM new_rows n WHERE n.version <> 1 OR n.status <> 'PENDING') THEN
        RAISE EXCEPTION 'a new execution begins as PENDING at version 1' USING ERRCODE = 'MP001';
    END IF;
    INSERT INTO status_transitions (job_kind, job_id, version, from_status, to_status, reason, actor, attempt)
    SELECT 'execution', n.id, 1, NULL, n.status, n.status_reason, n.status_actor, n.attempt FROM new_rows n;
    INSERT INTO audit_logs (user_id, action, resource_type, resource_id, actor, version, details)
    SELECT coalesce(n.user_id::text, 'system'), 'execution.created', 'execution', n.id::text, n.status_actor, 1,
           CASE WHEN n.status_actor LIKE 'db:%' THEN jsonb_build_object('db_user', session_user) END
    FROM new_rows n;
    RETURN NULL;
END
$$;
CREATE TRIGGER record_executions_insert AFTER INSERT ON executions
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION record_executions_insert();


CREATE FUNCTION record_executions_update() RETURNS trigger

    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_nestloop = off
    SET enable_seqscan = off

AS $$
BEGIN
    WITH moved AS MATERIALIZED (
        SELECT n.id, n.version, n.status, n.status_reason, n.status_actor, n.attempt, n.user_id, n.error_code,
               n.callback_url, o.status AS was,
               coalesce(l.to_phase, refuse_transition('execution', n.id, o.status, n.status)) AS to_phase
        FROM new_rows n
        JOIN old_rows o ON o.id = n.id
        LEFT JOIN legal_transitions l
            ON l.job_kind = 'execution' AND l.from_status = o.status AND l.to_status = n.status
        WHERE n.version <> o.version
    ), history AS (
        INSERT INTO status_transitions (job_kind, job_id, version, from_status, to_status, reason, actor, attempt)
        SELECT 'execution', m.id, m.version, m.was, m.status, m.status_reason, m.status_actor, m.attempt FROM moved m
    ), audit AS (
        INSERT INTO audit_logs (user_id, action, resource_type, resource_id, actor, version, details)
        SELECT coalesce(m.user_id::text, 'system'), 'execution.' || lower(m.status), 'execution', m.id::text,
               m.status_actor, m.version,
               CASE WHEN m.error_code IS NOT NULL OR m.status_actor LIKE 'db:%' THEN
                   jsonb_strip_nulls(jsonb_build_object(
                       'from', m.was, 'to', m.status, 'attempt', m.attempt,
                       'reason', split_part(m.status_reason, ' ', 1), 'error_code', m.error_code,
                       'db_user', session_user)) END
        FROM moved m
    )
    INSERT INTO webhook_deliveries (job_kind, job_id, version, event, user_id, to_status, to_phase, occurred_at, url)
    SELECT 'execution', m.id, m.version, 'execution.' || lower(m.status), m.user_id, m.status, m.to_phase, now(),
           m.callback_url
    FROM moved m
    WHERE m.callback_url IS NOT NULL AND m.to_phase IN ('succeeded', 'failed', 'cancelled', 'paused');
    RETURN NULL;
END
$$;
CREATE TRIGGER record_executions_update AFTER UPDATE ON executions
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION record_executions_update();


CREATE FUNCTION record_executions_delete() RETURNS trigger

    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_nestloop = off
    SET enable_seqscan = off

AS $$
BEGIN
    INSERT INTO audit_logs (user_id, action, resource_type, resource_id, actor, details)
    SELECT coalesce(o.user_id::text, 'system'), 'execution.deleted', 'execution', o.id::text,
           coalesce(nullif(current_setting('milepost.actor', true), ''), 'db:' || session_user),
           jsonb_build_object('status', o.status, 'version', o.version)
    FROM old_rows o;
    RETURN NULL;
END
$$;
CREATE TRIGGER record_executions_delete AFTER DELETE ON executions
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION record_executions_delete();

ALTER TABLE executions ENABLE ALWAYS TRIGGER guard_executions;
ALTER TABLE executions ENABLE ALWAYS TRIGGER record_executions_insert;
ALTER TABLE executions ENABLE ALWAYS TRIGGER record_executions_update;
ALTER TABLE executions ENABLE ALWAYS TRIGGER record_executions_delete;

DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_app') THEN GRANT SELECT, INSERT, UPDATE ON executions, artifacts_executions TO milepost_app; GRANT SELECT ON status_transitions_executions TO milepost_app; END IF; END $$;
DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_maintenance') THEN GRANT SELECT, INSERT, UPDATE, DELETE ON executions, artifacts_executions TO milepost_maintenance; GRANT SELECT ON status_transitions_executions TO milepost_maintenance; END IF; END $$;
DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_reader') THEN GRANT SELECT ON executions, artifacts_executions, status_transitions_executions TO milepost_reader; END IF; END $$;
"""

DOWN = r"""
DROP TABLE artifacts_executions;
DROP TABLE status_transitions_executions;
DROP TABLE executions;
DROP FUNCTION record_executions_insert();
DROP FUNCTION record_executions_update();
DROP FUNCTION record_executions_delete();
DELETE FROM legal_transitions WHERE job_kind = 'execution';
"""


def upgrade() -> None:
    script(UP)


def downgrade() -> None:
    script(DOWN)
