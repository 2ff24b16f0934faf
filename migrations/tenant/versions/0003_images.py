"""Brings the kind image_task: table, partitions, guards, grants; pictures, their cache, usage statistics."""

from __future__ import annotations

from milepost.db.migrate import script

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UP = r"""
CREATE TABLE image_tasks (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    status TEXT DEFAULT 'pending' NOT NULL,
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
    user_id UUID NOT NULL,
    timeout_seconds INTEGER DEFAULT '120' NOT NULL,
    progress INTEGER DEFAULT '0' NOT NULL,
    data JSONB NOT NULL,
    result JSONB,
    tokens_used INTEGER DEFAULT '0' NOT NULL,
    source_image_id UUID,
    CONSTRAINT pk_image_tasks PRIMARY KEY (id),
    CONSTRAINT ck_image_tasks_status CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')),
    CONSTRAINT ck_image_tasks_version CHECK (version >= 1),
    CONSTRAINT ck_image_tasks_status_reason CHECK (octet_length(status_reason) <= 500),
    CONSTRAINT ck_image_tasks_attempts CHECK (attempt >= 0 AND max_attempts BETWEEN 1 AND 100),
    CONSTRAINT ck_image_tasks_priority CHECK (priority BETWEEN -100 AND 100),
    CONSTRAINT ck_image_tasks_progress CHECK (progress BETWEEN 0 AND 100),
    CONSTRAINT ck_image_tasks_stage CHECK (char_length(stage) <= 64),
    CONSTRAINT ck_image_tasks_timeout_seconds CHECK (timeout_seconds > 0),
    CONSTRAINT ck_image_tasks_lease CHECK (num_nulls(lease_owner, lease_expires_at, claimed_at) = 3 OR (num_nulls(lease_owner, lease_expires_at, claimed_at) = 0 AND status IN ('processing'))),
    CONSTRAINT ck_image_tasks_finished_at CHECK ((finished_at IS NOT NULL) = (status IN ('completed', 'failed', 'cancelled'))),
    CONSTRAINT ck_image_tasks_idempotency_key CHECK (idempotency_key ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_image_tasks_request_digest CHECK (request_digest ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_image_tasks_callback_url CHECK (char_length(callback_url) <= 2048),
    CONSTRAINT ck_image_tasks_error_message CHECK (char_length(error_message) <= 2000),
    CONSTRAINT ck_image_tasks_timeout_limit CHECK (timeout_seconds <= 600),
    CONSTRAINT ck_image_tasks_progress_completed CHECK (status <> 'completed' OR progress = 100),
    CONSTRAINT ck_image_tasks_data CHECK (jsonb_typeof(data) = 'object' AND octet_length(data::text) <= 32768),
    CONSTRAINT ck_image_tasks_result CHECK ((result IS NOT NULL) = (status = 'completed')),
    CONSTRAINT ck_image_tasks_tokens_used CHECK (tokens_used >= 0),
    CONSTRAINT fk_image_tasks_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
)
 WITH (fillfactor = 85);

CREATE INDEX idx_image_tasks_created_at ON image_tasks (created_at DESC, id);

CREATE INDEX idx_image_tasks_status ON image_tasks (status, created_at DESC, id) WHERE status IN ('completed', 'failed', 'cancelled');

CREATE INDEX ix_image_tasks_due ON image_tasks (scheduled_at, id) WHERE status = 'pending';

CREATE INDEX ix_image_tasks_leased ON image_tasks (id) WHERE lease_owner IS NOT NULL;

CREATE INDEX ix_image_tasks_owner ON image_tasks (user_id, created_at DESC, id);

CREATE INDEX ix_image_tasks_source_image_id ON image_tasks (source_image_id) WHERE source_image_id IS NOT NULL;

CREATE INDEX ix_image_tasks_user_status ON image_tasks (user_id, status);

CREATE INDEX ix_image_tasks_waiting_deadline ON image_tasks (deadline_at) WHERE status = 'pending';

CREATE UNIQUE INDEX uq_image_tasks_idempotency_key ON image_tasks (idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE generated_images (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    user_id UUID NOT NULL,
    image_url TEXT NOT NULL,
    prompt TEXT NOT NULL,
    title TEXT NOT NULL,
    character_name TEXT NOT NULL,
    attribute TEXT NOT NULL,
    rarity TEXT NOT NULL,
    background_color TEXT NOT NULL,
    source_image_url TEXT,
    effects JSONB NOT NULL,
    style JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    task_id UUID,
    sha256 TEXT NOT NULL,
    renderer_version TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    cached BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT pk_generated_images PRIMARY KEY (id),
    CONSTRAINT ck_generated_images_sha256 CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_generated_images_size CHECK (width > 0 AND height > 0),
    CONSTRAINT uq_generated_images_task_id UNIQUE (task_id),
    CONSTRAINT fk_generated_images_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT fk_generated_images_task_id_image_tasks FOREIGN KEY(task_id) REFERENCES image_tasks (id) ON DELETE SET NULL
);

CREATE INDEX ix_generated_images_sha256 ON generated_images (sha256);

CREATE INDEX ix_generated_images_user_created ON generated_images (user_id, created_at, id);

CREATE TABLE image_cache (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    prompt_hash TEXT NOT NULL,
    image_url TEXT NOT NULL,
    metadata JSONB,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    user_id UUID,
    CONSTRAINT pk_image_cache PRIMARY KEY (id),
    CONSTRAINT ck_image_cache_prompt_hash CHECK (prompt_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT uq_image_cache_prompt_hash UNIQUE (prompt_hash),
    CONSTRAINT fk_image_cache_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_image_cache_expires_at ON image_cache (expires_at);

CREATE INDEX ix_image_cache_image_url ON image_cache (image_url);

CREATE INDEX ix_image_cache_user_id ON image_cache (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE usage_stats (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    user_id UUID NOT NULL,
    date DATE NOT NULL,
    image_count INTEGER DEFAULT '0' NOT NULL,
    total_tokens INTEGER DEFAULT '0' NOT NULL,
    success_count INTEGER DEFAULT '0' NOT NULL,
    failure_count INTEGER DEFAULT '0' NOT NULL,
    CONSTRAINT pk_usage_stats PRIMARY KEY (id),
    CONSTRAINT ck_usage_stats_counts CHECK (image_count >= 0 AND total_tokens >= 0 AND success_count >= 0 AND failure_count >= 0),
    CONSTRAINT uq_usage_stats_user_id_date UNIQUE (user_id, date),
    CONSTRAINT fk_usage_stats_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_usage_stats_date ON usage_stats (date);

DELETE FROM legal_transitions WHERE job_kind = 'image_task';
INSERT INTO legal_transitions (job_kind, from_status, to_status, to_phase) VALUES
    ('image_task', '', 'pending', 'queued'),
    ('image_task', 'cancelled', 'pending', 'queued'),
    ('image_task', 'failed', 'pending', 'queued'),
    ('image_task', 'pending', 'cancelled', 'cancelled'),
    ('image_task', 'pending', 'failed', 'failed'),
    ('image_task', 'pending', 'processing', 'running'),
    ('image_task', 'processing', 'cancelled', 'cancelled'),
    ('image_task', 'processing', 'completed', 'succeeded'),
    ('image_task', 'processing', 'failed', 'failed'),
    ('image_task', 'processing', 'pending', 'queued');


CREATE TABLE status_transitions_image_tasks PARTITION OF status_transitions FOR VALUES IN ('image_task');
ALTER TABLE status_transitions_image_tasks ADD CONSTRAINT fk_status_transitions_image_tasks_job_id_image_tasks
    FOREIGN KEY (job_id) REFERENCES image_tasks (id) ON DELETE CASCADE;
CREATE TRIGGER prevent_status_transitions_image_tasks_update BEFORE UPDATE ON status_transitions_image_tasks
    FOR EACH ROW EXECUTE FUNCTION prevent_history_modification();
CREATE TRIGGER prevent_status_transitions_image_tasks_truncate BEFORE TRUNCATE ON status_transitions_image_tasks
    FOR EACH STATEMENT EXECUTE FUNCTION prevent_history_modification();
ALTER TABLE status_transitions_image_tasks ENABLE ALWAYS TRIGGER prevent_status_transitions_image_tasks_update;
ALTER TABLE status_transitions_image_tasks ENABLE ALWAYS TRIGGER prevent_status_transitions_image_tasks_truncate;

CREATE TABLE artifacts_image_tasks PARTITION OF artifacts FOR VALUES IN ('image_task');
ALTER TABLE artifacts_image_tasks ADD CONSTRAINT fk_artifacts_image_tasks_job_id_image_tasks
    FOREIGN KEY (job_id) REFERENCES image_tasks (id) ON DELETE CASCADE;


CREATE TRIGGER guard_image_tasks BEFORE UPDATE ON image_tasks
    FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.version <> NEW.version OR OLD.id <> NEW.id OR NEW.progress < OLD.progress)
    EXECUTE FUNCTION guard_job();
CREATE TRIGGER update_image_tasks_updated_at BEFORE UPDATE ON image_tasks
    FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

CREATE FUNCTION record_image_tasks_insert() RETURNS trigger

    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_nestloop = off
    SET enable_seqscan = off

AS $$
BEGIN
    IF EXISTS (SELECT FROM new_rows n WHERE n.version <> 1 OR n.status <> 'pending') THEN
        RAISE EXCEPTION 'a new image_task begins as pending at version 1' USING ERRCODE = 'MP001';
    END IF;
    INSERT INTO status_transitions (job_kind, job_id, version, from_status, to_status, reason, actor, attempt)
    SELECT 'image_task', n.id, 1, NULL, n.status, n.status_reason, n.status_actor, n.attempt FROM new_rows n;
    INSERT INTO audit_logs (user_id, action, resource_type, resource_id, actor, version, details)
    SELECT coalesce(n.user_id::text, 'system'), 'image_task.created', 'image_task', n.id::text, n.status_actor, 1,
           CASE WHEN n.status_actor LIKE 'db:%' THEN jsonb_build_object('db_user', session_user) END
    FROM new_rows n;
    RETURN NULL;
END
$$;
CREATE TRIGGER record_image_tasks_insert AFTER INSERT ON image_tasks
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION record_image_tasks_insert();


CREATE FUNCTION record_image_tasks_update() RETURNS trigger

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
               coalesce(l.to_phase, refuse_transition('image_task', n.id, o.status, n.status)) AS to_phase
        FROM new_rows n
        JOIN old_rows o ON o.id = n.id
        LEFT JOIN legal_transitions l
            ON l.job_kind = 'image_task' AND l.from_status = o.status AND l.to_status = n.status
        WHERE n.version <> o.version
    ), history AS (
        INSERT INTO status_transitions (job_kind, job_id, version, from_status, to_status, reason, actor, attempt)
        SELECT 'image_task', m.id, m.version, m.was, m.status, m.status_reason, m.status_actor, m.attempt FROM moved m
    ), audit AS (
        INSERT INTO audit_logs (user_id, action, resource_type, resource_id, actor, version, details)
        SELECT coalesce(m.user_id::text, 'system'), 'image_task.' || lower(m.status), 'image_task', m.id::text,
               m.status_actor, m.version,
               CASE WHEN m.error_code IS NOT NULL OR m.status_actor LIKE 'db:%' THEN
                   jsonb_strip_nulls(jsonb_build_object(
                       'from', m.was, 'to', m.status, 'attempt', m.attempt,
                       'reason', split_part(m.status_reason, ' ', 1), 'error_code', m.error_code,
                       'db_user', session_user)) END
        FROM moved m
    )
    INSERT INTO webhook_deliveries (job_kind, job_id, version, event, user_id, to_status, to_phase, occurred_at, url)
    SELECT 'image_task', m.id, m.version, 'image_task.' || lower(m.status), m.user_id, m.status, m.to_phase, now(),
           m.callback_url
    FROM moved m
    WHERE m.callback_url IS NOT NULL AND m.to_phase IN ('succeeded', 'failed', 'cancelled', 'paused');
    RETURN NULL;
END
$$;
CREATE TRIGGER record_image_tasks_update AFTER UPDATE ON image_tasks
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION record_image_tasks_update();


CREATE FUNCTION record_image_tasks_delete() RETURNS trigger

    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_nestloop = off
    SET enable_seqscan = off

AS $$
BEGIN
    INSERT INTO audit_logs (user_id, action, resource_type, resource_id, actor, details)
    SELECT coalesce(o.user_id::text, 'system'), 'image_task.deleted', 'image_task', o.id::text,
           coalesce(nullif(current_setting('milepost.actor', true), ''), 'db:' || session_user),
           jsonb_build_object('status', o.status, 'version', o.version)
    FROM old_rows o;
    RETURN NULL;
END
$$;
CREATE TRIGGER record_image_tasks_delete AFTER DELETE ON image_tasks
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION record_image_tasks_delete();

ALTER TABLE image_tasks ENABLE ALWAYS TRIGGER guard_image_tasks;
ALTER TABLE image_tasks ENABLE ALWAYS TRIGGER record_image_tasks_insert;
ALTER TABLE image_tasks ENABLE ALWAYS TRIGGER record_image_tasks_update;
ALTER TABLE image_tasks ENABLE ALWAYS TRIGGER record_image_tasks_delete;

DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_app') THEN GRANT SELECT, INSERT, UPDATE ON image_tasks, artifacts_image_tasks TO milepost_app; GRANT SELECT ON status_transitions_image_tasks TO milepost_app; END IF; END $$;
DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_maintenance') THEN GRANT SELECT, INSERT, UPDATE, DELETE ON image_tasks, artifacts_image_tasks TO milepost_maintenance; GRANT SELECT ON status_transitions_image_tasks TO milepost_maintenance; END IF; END $$;
DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_reader') THEN GRANT SELECT ON image_tasks, artifacts_image_tasks, status_transitions_image_tasks TO milepost_reader; END IF; END $$;
DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_app') THEN GRANT SELECT, INSERT, UPDATE ON generated_images, image_cache, usage_stats TO milepost_app; END IF; END $$;
DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_maintenance') THEN GRANT SELECT, INSERT, UPDATE, DELETE ON generated_images, image_cache, usage_stats TO milepost_maintenance; END IF; END $$;
DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_reader') THEN GRANT SELECT ON generated_images, image_cache, usage_stats TO milepost_reader; END IF; END $$;

DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'milepost_app') THEN GRANT DELETE ON generated_images TO milepost_app; END IF; END $$;
"""

DOWN = r"""
DROP TABLE usage_stats;
DROP TABLE image_cache;
DROP TABLE generated_images;
DROP TABLE artifacts_image_tasks;
DROP TABLE status_transitions_image_tasks;
DROP TABLE image_tasks;
DROP FUNCTION record_image_tasks_insert();
DROP FUNCTION record_image_tasks_update();
DROP FUNCTION record_image_tasks_delete();
DELETE FROM legal_transitions WHERE job_kind = 'image_task';
"""


def upgrade() -> None:
    script(UP)


def downgrade() -> None:
    script(DOWN)
