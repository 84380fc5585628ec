-- The assistant: questions that follow each other, and what a day's questions cost.

create table assistant_conversations (
    id uuid primary key,
    github_id bigint not null,                           -- who has it; read by nobody else
    pod_id text references published_runs (pod_id) on delete set null,        -- the run it is about; null: of no run
    title text not null default '',                      -- the beginning of its first question
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()        -- of its last question
);
create index assistant_conversations_of_user on assistant_conversations (github_id, updated_at desc, id);

alter table chat_logs add constraint chat_logs_conversation
    foreign key (conversation_id) references assistant_conversations (id);

-- One row a day (UTC) and person. What questions cost that were broken off counts too: the model's server did the work.
create table assistant_spend (
    day date not null,
    github_id bigint not null check (github_id >= 0),    -- 0: asked at the command line of this deployment
    questions int not null check (questions >= 0),
    prompt_tokens bigint not null check (prompt_tokens >= 0),
    completion_tokens bigint not null check (completion_tokens >= 0),
    usd numeric(14, 6) not null check (usd >= 0),        -- at the prices that were set then
    primary key (day, github_id)
);
