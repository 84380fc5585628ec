-- What people say of runs and which they vote for. Counts live beside what they count and change in its transaction.

create table comments (
    id text primary key check (id ~ '^[0-9a-f]{24}$'),  -- an ObjectId, so that the copy in MongoDB has the same
    pod_id text not null references published_runs (pod_id) on delete cascade,
    parent_id text references comments (id) on delete cascade,
    github_id bigint not null,                           -- its author; kept bare, since imported ones may have no row in users
    username text not null,                              -- as it was then
    user_avatar text,
    comment text not null check (comment <> ''),
    likes int not null default 0 check (likes >= 0),
    reply_count int not null default 0 check (reply_count >= 0),              -- replies that are seen
    ranking_score double precision not null default 0,   -- as of the last like
    created_at timestamptz not null default now(),
    edited_at timestamptz,
    hidden_at timestamptz,                               -- by moderation; seen by moderators only
    hidden_reason text,
    imported_from text check (imported_from <> ''),
    version bigint not null default 1 check (version >= 1),
    check ((hidden_at is null) = (hidden_reason is null))
);
create index comments_of_run on comments (pod_id, created_at, id);
create index comments_of_author on comments (github_id, created_at, id);
create index comments_replies on comments (parent_id) where parent_id is not null;

create table comment_likes (
    comment_id text not null references comments (id) on delete cascade,
    github_id bigint not null,
    created_at timestamptz not null default now(),
    primary key (comment_id, github_id)
);
create index comment_likes_of_user on comment_likes (github_id);

create table run_upvotes (
    pod_id text not null references published_runs (pod_id) on delete cascade,
    github_id bigint not null,
    created_at timestamptz not null default now(),
    primary key (pod_id, github_id)
);
create index run_upvotes_of_user on run_upvotes (github_id);

-- Comments that somebody reported, or that a rule or model held back: the moderation queue.
create table comment_reports (
    id bigint generated always as identity primary key,
    comment_id text not null references comments (id) on delete cascade,
    reporter text not null,                              -- `user:<github id>`, `rules`, `model`
    reason text not null check (reason <> ''),
    created_at timestamptz not null default now(),
    resolved_at timestamptz,
    resolution text check (resolution in ('kept', 'hidden', 'deleted')),
    resolved_by text,
    check ((resolved_at is null) = (resolution is null) and (resolved_at is null) = (resolved_by is null)),
    unique (comment_id, reporter)
);
create index comment_reports_open on comment_reports (id) where resolved_at is null;
