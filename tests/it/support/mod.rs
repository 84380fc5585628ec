//! What several features' tests share.

pub(crate) mod clouds;
pub(crate) mod contract;
pub(crate) mod database;
pub(crate) mod drain;
pub(crate) mod github;
pub(crate) mod llama;
pub(crate) mod mongo;
pub(crate) mod openai;
pub(crate) mod people;
pub(crate) mod plans;
pub(crate) mod pods;
pub(crate) mod prices;
pub(crate) mod program;
pub(crate) mod published;
pub(crate) mod relay;
pub(crate) mod replay;
pub(crate) mod runpod;
pub(crate) mod runs;
pub(crate) mod workers;
