-- What was asked of the assistant about a run, and what it answered. Read by their owner and by administrators.

create table chat_logs (
    id text primary key check (id ~ '^[0-9a-f]{24}$'),  -- an ObjectId, so that the copy in MongoDB has the same
    conversation_id uuid,                                -- questions that follow each other; null: asked by the original paths, or imported
    pod_id text,                                         -- the run it is about; null: asked of no run
    github_id bigint not null,
    username text not null,
    user_avatar text,
    user_message text not null,
    ai_response text not null,
    tool_calls jsonb not null default '[]',              -- [{name, arguments, links}]: where its numbers come from
    model text,
    prompt_tokens int check (prompt_tokens >= 0),
    completion_tokens int check (completion_tokens >= 0),
    created_at timestamptz not null default now(),
    imported_from text check (imported_from <> '')
);
create index chat_logs_of_user on chat_logs (github_id, created_at, id);
create index chat_logs_of_conversation on chat_logs (conversation_id, created_at) where conversation_id is not null;
create index chat_logs_of_run on chat_logs (pod_id, created_at, id);
