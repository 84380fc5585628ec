//! Users, comments and conversations.

use mongodb::bson::{Bson, Document, doc, oid::ObjectId};

use super::{Unfit, Upsert, VERSION, count, date, double, int, text};
use crate::store::outgoing::{OutgoingChat, OutgoingComment, OutgoingUser};

/// Somebody who signed in. When they came first and last is set once: readers write both.
pub(in crate::sync) fn user(user: &OutgoingUser) -> Upsert {
    Upsert {
        collection: "users",
        key: doc! { "github_id": int(user.github_id) },
        set: doc! {
            "github_id": int(user.github_id),
            "username": user.username.as_str(),
            "email": user.email.as_str(),
            "avatar_url": text(user.avatar_url.as_deref()),
            VERSION: user.version,
        },
        set_on_insert: doc! { "created_at": date(user.created_at), "last_login": date(user.last_login) },
    }
}

/// A comment. Its author's address is nobody's business, but must be a text.
pub(in crate::sync) fn comment(comment: &OutgoingComment) -> Result<Upsert, Unfit> {
    let likers: Vec<Bson> = comment.likers.iter().copied().map(int).collect();
    Ok(Upsert {
        collection: "comments",
        key: doc! { "_id": object_id(&comment.id)? },
        set: doc! {
            "pod_id": comment.pod_id.as_str(),
            "comment": comment.comment.as_str(),
            "created_at": date(comment.created_at),
            "user_id": int(comment.github_id),
            "username": comment.username.as_str(),
            "user_email": "",
            "user_avatar": text(comment.user_avatar.as_deref()),
            "parent_id": text(comment.parent_id.as_deref()),
            "depth": i32::from(comment.parent_id.is_some()),
            "reply_count": comment.reply_count,
            "ranking_score": double("ranking_score", comment.ranking_score)?,
            VERSION: comment.version,
        },
        set_on_insert: doc! { "likes": count(likers.len()), "user_likes": likers.clone(), "sync_likes": likers },
    })
}

/// A question and its answer.
pub(in crate::sync) fn chat(chat: &OutgoingChat, version: i64) -> Result<Upsert, Unfit> {
    Ok(Upsert {
        collection: "chat_logs",
        key: doc! { "_id": object_id(&chat.id)? },
        set: doc! {
            "user_message": chat.user_message.as_str(),
            "ai_response": chat.ai_response.as_str(),
            "timestamp": date(chat.created_at),
            "pod_id": chat.pod_id.as_deref().unwrap_or_default(),
            "is_authenticated": true,
            "user_id": int(chat.github_id),
            "username": chat.username.as_str(),
            "user_email": "",
            "user_avatar": text(chat.user_avatar.as_deref()),
            VERSION: version,
        },
        set_on_insert: Document::new(),
    })
}

/// The same id there as here.
pub(in crate::sync) fn object_id(id: &str) -> Result<ObjectId, Unfit> {
    ObjectId::parse_str(id).map_err(|_| Unfit(format!("`{id}` is no 24 hex digits")))
}
