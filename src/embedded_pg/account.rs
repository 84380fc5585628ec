//! Whose processes PostgreSQL's are: it refuses to run as root, so as root we drop to another user.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::unistd::{Gid, Uid, User, chown, geteuid};
use tokio::process::Command;

use super::Error;

/// Users to drop to, in this order.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// The user that PostgreSQL's programs run as.
#[derive(Debug, Clone)]
pub(super) struct Account {
    /// `None`: as ourselves.
    drop_to: Option<User>,
}

impl Account {
    /// Ourselves, unless we are root. As root: the owner of the cluster if there is one already, else user
    /// `postgres`, else `nobody`.
    pub(super) fn choose(cluster: &Path) -> Result<Self, Error> {
        let owner = fs::metadata(cluster).ok().map(|meta| Uid::from_raw(meta.uid()));
        let me = geteuid();
        if !me.is_root() {
            return match owner {
                Some(owner) if owner != me => {
                    Err(Error::NotOurs { folder: cluster.to_owned(), owner: name_of(owner) })
                }
                _ => Ok(Self { drop_to: None }),
            };
        }
        if let Some(owner) = owner.filter(|owner| !owner.is_root()) {
            let user = User::from_uid(owner).ok().flatten();
            return match user {
                Some(user) => Ok(Self { drop_to: Some(user) }),
                None => Err(Error::NotOurs { folder: cluster.to_owned(), owner: name_of(owner) }),
            };
        }
        CANDIDATES
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|user| Self { drop_to: Some(user) })
            .ok_or(Error::NoAccount)
    }

    /// A command that runs as this user, from `folder`, with nothing of our environment but what
    /// PostgreSQL needs: our secrets, and any `PG…` variable, stay out of a server that outlives us.
    pub(super) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C")
            .current_dir(folder);
        if let Some(user) = &self.drop_to {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }

    /// Makes the user the owner of a file or folder that we made.
    pub(super) fn give(&self, path: &Path) -> Result<(), Error> {
        let Some(user) = &self.drop_to else { return Ok(()) };
        chown(path, Some(user.uid), Some(user.gid))
            .map_err(|errno| Error::folder(path, "given to the user that runs PostgreSQL")(errno.into()))
    }

    /// Refuses a folder that the user can't get to, naming the first one on the way that is closed.
    pub(super) fn check_enterable(&self, folder: &Path) -> Result<(), Error> {
        let Some(user) = &self.drop_to else { return Ok(()) };
        match first_closed(folder, user.uid, user.gid) {
            Some(closed) => Err(Error::NotEnterable { user: user.name.clone(), folder: closed }),
            None => Ok(()),
        }
    }
}

/// The first folder from the root to `folder` that this user may not enter.
fn first_closed(folder: &Path, uid: Uid, gid: Gid) -> Option<PathBuf> {
    let mut way: Vec<&Path> = folder.ancestors().collect();
    way.reverse();
    way.into_iter()
        .find(|step| fs::metadata(step).is_ok_and(|meta| !may_enter(&meta, uid, gid)))
        .map(Path::to_owned)
}

fn may_enter(meta: &fs::Metadata, uid: Uid, gid: Gid) -> bool {
    let bit = if meta.uid() == uid.as_raw() {
        0o100
    } else if meta.gid() == gid.as_raw() {
        0o010
    } else {
        0o001
    };
    meta.mode() & bit != 0
}

fn name_of(uid: Uid) -> String {
    User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_closed_folder_on_the_way_is_named() {
        let top = tempfile::tempdir().unwrap();
        let closed = top.path().join("closed");
        let inner = closed.join("inner");
        fs::create_dir_all(&inner).unwrap();
        for (folder, mode) in [(top.path(), 0o755), (closed.as_path(), 0o700), (inner.as_path(), 0o755)] {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
        }
        let stranger = (Uid::from_raw(4_000_000), Gid::from_raw(4_000_000));
        assert_eq!(first_closed(&inner, stranger.0, stranger.1), Some(closed.clone()));
        let owner = fs::metadata(&closed).unwrap().uid();
        assert_eq!(first_closed(&inner, Uid::from_raw(owner), stranger.1), None);
    }
}
