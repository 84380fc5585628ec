//! Where workflow and schedule definitions come from: a folder of the user's, else the program itself.
//!
//! A `workflows/` or `schedules/` folder in one of the places searched overrides shipped definitions by name and adds
//! its own. What a definition means is `domain`'s business; this module finds and reads the files.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use crate::domain::{
    catalog::{Catalog, CatalogError},
    definition::DefinitionError,
    names::UnknownName,
    schedule::{self, Known, ScheduleDefinition},
    workflow::{self, WorkflowDefinition},
};

const SHIPPED_WORKFLOWS: &[(&str, &str)] = &[
    ("benchmark", include_str!("../workflows/benchmark.toml")),
    ("smoke", include_str!("../workflows/smoke.toml")),
];
const SHIPPED_SCHEDULES: &[(&str, &str)] = &[
    ("nightly", include_str!("../schedules/nightly.toml")),
    ("prices", include_str!("../schedules/prices.toml")),
    ("retention", include_str!("../schedules/retention.toml")),
];

/// Which kind of definition a file holds; also its folder's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefinitionKind {
    /// `workflows/*.toml`.
    Workflow,
    /// `schedules/*.toml`.
    Schedule,
}

impl DefinitionKind {
    /// The name of the folder that holds this kind.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Workflow => "workflows",
            Self::Schedule => "schedules",
        }
    }

    const fn shipped(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Workflow => SHIPPED_WORKFLOWS,
            Self::Schedule => SHIPPED_SCHEDULES,
        }
    }
}

/// A definition's text, not yet read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What it should hold.
    pub kind: DefinitionKind,
    /// The file's stem, which must be the definition's name.
    pub name: String,
    /// The file, as errors name it; `<shipped>/workflows/…` for a part of the program.
    pub file: String,
    /// The text.
    pub text: String,
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// When it can't be read or isn't UTF-8.
    pub fn open(kind: DefinitionKind, path: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { kind, name, file: path.display().to_string(), text })
    }
}

/// Why there is no definition.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing has this name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The file breaks a rule.
    #[error(transparent)]
    Invalid(#[from] DefinitionError),
    /// The catalog that is part of the program is broken.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A file or folder can't be read.
    #[error("can't read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Every definition that can be found.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    places: Vec<PathBuf>,
}

impl Definitions {
    /// Definitions of `places` (each may hold a `workflows` and a `schedules` folder; the first that has a name wins)
    /// and those of the program.
    #[must_use]
    pub const fn new(places: Vec<PathBuf>) -> Self {
        Self { places }
    }

    /// The workflow of this name.
    ///
    /// # Errors
    /// When there is none (the nearest names are offered), or its file is broken.
    pub fn workflow(&self, name: &str) -> Result<WorkflowDefinition, Error> {
        let sources = self.sources(DefinitionKind::Workflow)?;
        let Some(source) = sources.iter().find(|source| source.name == name) else {
            let known = sources.iter().map(|source| (source.name.as_str(), vec![source.name.as_str()]));
            return Err(UnknownName::among("workflow", name, known).into());
        };
        Ok(workflow::parse(&source.file, &source.text)?)
    }

    /// Every source of a kind, by name.
    ///
    /// # Errors
    /// When a folder or a file in it can't be read.
    pub fn sources(&self, kind: DefinitionKind) -> Result<Vec<Source>, Error> {
        let mut sources = BTreeMap::new();
        for place in &self.places {
            for path in toml_files(&place.join(kind.folder()))? {
                let source = Source::open(kind, &path)?;
                sources.entry(source.name.clone()).or_insert(source);
            }
        }
        for (name, text) in kind.shipped() {
            sources.entry((*name).to_owned()).or_insert_with(|| Source {
                kind,
                name: (*name).to_owned(),
                file: format!("<shipped>/{}/{name}.toml", kind.folder()),
                text: (*text).to_owned(),
            });
        }
        Ok(sources.into_values().collect())
    }

    /// Reads a schedule, which may name the workflows found here and `more`, and these chores.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read_schedule(
        &self,
        source: &Source,
        more: &[String],
        chores: &[&str],
    ) -> Result<ScheduleDefinition, Error> {
        let catalog = Catalog::embedded()?;
        let found = self.sources(DefinitionKind::Workflow)?.into_iter().map(|workflow| workflow.name);
        let workflows: Vec<String> = found.chain(more.iter().cloned()).collect();
        let known = Known { catalog: &catalog, workflows: &workflows, jobs: chores };
        Ok(schedule::parse(&source.file, &source.text, known)?)
    }
}

/// The `*.toml` files of a folder by name; none where there is no such folder.
///
/// # Errors
/// When the folder is there but can't be read.
pub fn toml_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |source| Error::Unreadable { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(files: &[(&str, &str)]) -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = place.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        place
    }

    #[test]
    fn every_shipped_definition_is_valid() {
        let definitions = Definitions::default();
        for source in definitions.sources(DefinitionKind::Workflow).unwrap() {
            assert_eq!(definitions.workflow(&source.name).unwrap().name, source.name);
        }
        for source in definitions.sources(DefinitionKind::Schedule).unwrap() {
            definitions.read_schedule(&source, &[], &crate::jobs::chores::names()).unwrap();
        }
    }

    #[test]
    fn a_file_of_the_first_place_overrides_later_ones_and_the_shipped() {
        let smoke = SHIPPED_WORKFLOWS[1].1;
        let first = place(&[("workflows/smoke.toml", &smoke.replace("version = 1", "version = 7"))]);
        let second = place(&[
            ("workflows/smoke.toml", "broken"),
            ("workflows/mine.toml", &smoke.replace("\"smoke\"", "\"mine\"")),
            ("workflows/notes.txt", "not a definition"),
        ]);
        let definitions = Definitions::new(vec![first.path().to_owned(), second.path().to_owned()]);
        assert_eq!(definitions.workflow("smoke").unwrap().version, 7);
        assert_eq!(definitions.workflow("mine").unwrap().name, "mine");
        let names: Vec<_> =
            definitions.sources(DefinitionKind::Workflow).unwrap().into_iter().map(|s| s.name).collect();
        assert_eq!(names, ["benchmark", "mine", "smoke"]);
    }

    #[test]
    fn an_unknown_workflow_comes_with_the_nearest_and_a_name_is_never_a_path() {
        let definitions = Definitions::new(vec![PathBuf::from("/nonexistent")]);
        let error = definitions.workflow("bench").unwrap_err().to_string();
        assert_eq!(error, "unknown workflow `bench`: did you mean benchmark or smoke?");
        assert!(matches!(definitions.workflow("../workflows/smoke"), Err(Error::Unknown(_))));
    }

    #[test]
    fn a_broken_file_is_refused_under_its_own_path() {
        let place = place(&[("workflows/smoke.toml", "name = 3\n")]);
        let definitions = Definitions::new(vec![place.path().to_owned()]);
        let Err(Error::Invalid(error)) = definitions.workflow("smoke") else { panic!("was accepted") };
        assert_eq!(error.file, place.path().join("workflows/smoke.toml").display().to_string());
        assert_eq!((error.line, error.column), (1, 8));
    }
}
