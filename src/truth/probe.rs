//! Ways into the room for fuzz targets, which see public items only. No part of the library's interface.

use super::{Settings, http::parse_head, protocol::Generation};

/// Reads a request: its head's and body's length, and the output tokens that its body asks for in either protocol.
/// `None` where it isn't whole or isn't one.
#[must_use]
pub fn request(bytes: &[u8]) -> Option<(usize, usize, [Option<u32>; 2])> {
    let head = parse_head(bytes).ok()??;
    let body = bytes.get(head.length..head.length + head.content_length)?;
    let settings = Settings::default();
    let openai = Generation::from_openai(body, &settings).ok();
    let ollama = Generation::from_ollama(body, &settings).ok().flatten();
    let tokens = [openai, ollama].map(|generation| Some(generation?.output_tokens));
    Some((head.length, head.content_length, tokens))
}
