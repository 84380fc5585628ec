//! `users`, `comments` with their likes, `chat_logs`.

use std::collections::HashSet;

use sqlx::PgConnection;

use super::{Source, fields::Fields};
use crate::{
    import::{Error, Report},
    store::imports::{self, ImportedChat, ImportedComment, ImportedUser},
};

/// What somebody is called whose name nobody knows.
const NOBODY: &str = "unknown";

/// Imports everybody who signed in there.
pub(super) async fn users(
    conn: &mut PgConnection,
    source: &Source,
    from: &str,
    report: &mut Report,
) -> Result<(), Error> {
    let (mut users, mut seen) = (Vec::new(), HashSet::new());
    source
        .each("users", "users", report, |document, report| {
            let fields = Fields(&document);
            let Some(github_id) = fields.whole("github_id").filter(|id| *id > 0) else {
                return report.skip("users", fields.called(), "it has no github_id");
            };
            if !seen.insert(github_id) {
                return report.skip(
                    "users",
                    github_id.to_string(),
                    "one of this github_id was stored before it",
                );
            }
            let Some(username) = fields.text("username") else {
                return report.skip("users", github_id.to_string(), "it has no username");
            };
            let created_at = fields.time("created_at").or_else(|| fields.time("last_login"));
            let Some(created_at) = created_at else {
                return report.skip("users", github_id.to_string(), "it has no created_at");
            };
            users.push(ImportedUser {
                github_id,
                username,
                email: fields.text("email").unwrap_or_default(),
                avatar_url: fields.text("avatar_url"),
                created_at,
                last_login: fields.time("last_login").unwrap_or(created_at),
            });
        })
        .await?;
    for user in users {
        report.count("users", imports::user(conn, &user, from).await?.into());
    }
    Ok(())
}

/// Imports comments: those that answer nothing first.
pub(super) async fn comments(
    conn: &mut PgConnection,
    source: &Source,
    from: &str,
    report: &mut Report,
) -> Result<(), Error> {
    let (mut comments, mut seen) = (Vec::new(), HashSet::new());
    source
        .each("comments", "comments", report, |document, report| match comment(Fields(&document)) {
            Ok(comment) if seen.insert(comment.id.clone()) => comments.push(comment),
            Ok(comment) => report.skip("comments", comment.id, "one of this id was stored before it"),
            Err(why) => report.skip("comments", Fields(&document).called(), why),
        })
        .await?;
    comments.sort_by_key(|comment| comment.parent_id.is_some());
    for comment in comments {
        match imports::comment(conn, &comment, from).await? {
            Ok(written) => report.count("comments", written.into()),
            Err(why) => report.skip("comments", comment.id, why),
        }
    }
    Ok(())
}

fn comment(fields: Fields<'_>) -> Result<ImportedComment, &'static str> {
    let answers = fields.text("parent_id").is_some() || fields.id("parent_id").is_some();
    let parent_id = fields.id("parent_id");
    if answers && parent_id.is_none() {
        return Err("its parent_id isn't 24 hex digits");
    }
    Ok(ImportedComment {
        id: fields.id("_id").ok_or("its _id isn't 24 hex digits")?,
        pod_id: fields.text("pod_id").ok_or("it has no pod_id")?,
        parent_id,
        github_id: fields.whole("user_id").ok_or("it has no user_id")?,
        username: fields.text("username").unwrap_or_else(|| NOBODY.to_owned()),
        user_avatar: fields.text("user_avatar"),
        comment: fields.text("comment").ok_or("it says nothing")?,
        ranking_score: fields.number("ranking_score").unwrap_or_default(),
        created_at: fields.time("created_at").ok_or("it has no created_at")?,
        likers: fields.people("user_likes"),
    })
}

/// Imports questions and their answers.
pub(super) async fn chats(
    conn: &mut PgConnection,
    source: &Source,
    from: &str,
    report: &mut Report,
) -> Result<(), Error> {
    let mut chats = Vec::new();
    source
        .each("chat_logs", "chat_logs", report, |document, report| match chat(Fields(&document)) {
            Ok(chat) => chats.push(chat),
            Err(why) => report.skip("chat_logs", Fields(&document).called(), why),
        })
        .await?;
    for chat in chats {
        report.count("chat_logs", imports::chat(conn, &chat, from).await?.into());
    }
    Ok(())
}

fn chat(fields: Fields<'_>) -> Result<ImportedChat, &'static str> {
    Ok(ImportedChat {
        id: fields.id("_id").ok_or("its _id isn't 24 hex digits")?,
        pod_id: fields.text("pod_id"),
        github_id: fields.whole("user_id").ok_or("it has no user_id")?,
        username: fields.text("username").unwrap_or_else(|| NOBODY.to_owned()),
        user_avatar: fields.text("user_avatar"),
        user_message: fields.text("user_message").ok_or("it has no user_message")?,
        ai_response: fields.text("ai_response").unwrap_or_default(),
        created_at: fields.time("timestamp").ok_or("it has no timestamp")?,
    })
}
