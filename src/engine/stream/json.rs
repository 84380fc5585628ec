//! A strict JSON reader that walks a document in place: no allocation, no tree.
//!
//! A stream's events are small objects of which two or three keys matter, a hundred thousand times a second.
//! It accepts what RFC 8259 accepts (UTF-8 is not checked), to a bounded depth. It knows nothing of engines.

/// Deepest nesting that is followed.
const MAX_DEPTH: u32 = 64;

/// The bytes are not a JSON document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not valid JSON at byte {at}")]
pub struct Malformed {
    /// Where it stopped being one.
    pub at: usize,
}

/// A place in a JSON document.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
}

impl<'a> Cursor<'a> {
    /// At the start of a document.
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    fn malformed<T>(&self) -> Result<T, Malformed> {
        Err(Malformed { at: self.at })
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.byte() != Some(byte) {
            return self.malformed();
        }
        self.at += 1;
        Ok(())
    }

    /// First byte of the value here, which says its type: `{`, `[`, `"`, `t`, `f`, `n`, or a number's.
    pub(super) fn peek(&mut self) -> Option<u8> {
        self.space();
        self.byte()
    }

    /// That nothing but white space follows.
    ///
    /// # Errors
    /// When something does.
    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.malformed(),
        }
    }

    /// Walks an object: `on_member` gets each key (as written, escapes kept) with the cursor at its value, and
    /// must consume that value.
    ///
    /// # Errors
    /// When it isn't a well-formed object.
    pub(super) fn object(
        &mut self,
        mut on_member: impl FnMut(&'a [u8], &mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.open(b'{')?;
        if self.peek() == Some(b'}') {
            self.close();
            return Ok(());
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            self.expect(b':')?;
            on_member(key, self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.close();
                    return Ok(());
                }
                _ => return self.malformed(),
            }
        }
    }

    /// Walks an array: `on_item` is called with the cursor at each item, and must consume it.
    ///
    /// # Errors
    /// When it isn't a well-formed array.
    pub(super) fn array(
        &mut self,
        mut on_item: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.open(b'[')?;
        if self.peek() == Some(b']') {
            self.close();
            return Ok(());
        }
        loop {
            on_item(self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.close();
                    return Ok(());
                }
                _ => return self.malformed(),
            }
        }
    }

    fn open(&mut self, bracket: u8) -> Result<(), Malformed> {
        self.space();
        self.expect(bracket)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH { self.malformed() } else { Ok(()) }
    }

    fn close(&mut self) {
        self.at += 1;
        self.depth -= 1;
    }

    /// A string's content as written (escapes kept).
    ///
    /// # Errors
    /// When it isn't a well-formed string.
    pub(super) fn string(&mut self) -> Result<&'a [u8], Malformed> {
        self.space();
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.byte() {
                Some(b'"') => {
                    let content = &self.bytes[start..self.at];
                    self.at += 1;
                    return Ok(content);
                }
                Some(b'\\') => self.escape()?,
                Some(0..0x20) | None => return self.malformed(),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.byte().is_some_and(|b| b.is_ascii_hexdigit()) {
                        return self.malformed();
                    }
                    self.at += 1;
                }
            }
            _ => return self.malformed(),
        }
        Ok(())
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Malformed> {
        if !self.bytes[self.at..].starts_with(word) {
            return self.malformed();
        }
        self.at += word.len();
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        if !self.byte().is_some_and(|b| b.is_ascii_digit()) {
            return self.malformed();
        }
        while self.byte().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Malformed> {
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// A count: a whole number that fits 32 bits. Anything else well formed (null, a fraction, a string) is `None`.
    ///
    /// # Errors
    /// When it isn't a well-formed value.
    pub(super) fn count(&mut self) -> Result<Option<u32>, Malformed> {
        Ok(std::str::from_utf8(self.value()?).ok().and_then(|text| text.parse().ok()))
    }

    /// Whether the value is `true`.
    ///
    /// # Errors
    /// When it isn't a well-formed value.
    pub(super) fn is_true(&mut self) -> Result<bool, Malformed> {
        Ok(self.value()? == b"true")
    }

    /// Passes over any value and gives its bytes.
    ///
    /// # Errors
    /// When it isn't a well-formed value.
    pub(super) fn value(&mut self) -> Result<&'a [u8], Malformed> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'{') => self.object(|_, value| value.value().map(drop))?,
            Some(b'[') => self.array(|item| item.value().map(drop))?,
            Some(b'"') => drop(self.string()?),
            Some(b't') => self.literal(b"true")?,
            Some(b'f') => self.literal(b"false")?,
            Some(b'n') => self.literal(b"null")?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return self.malformed(),
        }
        Ok(&self.bytes[start..self.at])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn accepts(bytes: &[u8]) -> bool {
        let mut cursor = Cursor::new(bytes);
        cursor.value().and_then(|_| cursor.end()).is_ok()
    }

    #[test]
    fn it_refuses_what_is_not_json() {
        for bad in
            ["", "{", "{\"a\"}", "{\"a\":1,}", "[1,]", "01", "1.", "1e", "\"\u{1}\"", "\"\\x\"", "nul", "1 2"]
        {
            assert!(!accepts(bad.as_bytes()), "{bad}");
        }
        assert!(
            !accepts("[".repeat(100_000).as_bytes()),
            "deep nesting ends, and not by overflowing the stack"
        );
    }

    #[test]
    fn a_count_is_a_whole_number_or_nothing() {
        let count = |text: &str| Cursor::new(text.as_bytes()).count();
        assert_eq!(count(" 17"), Ok(Some(17)));
        assert_eq!(count("null"), Ok(None));
        assert_eq!(count("-1"), Ok(None));
        assert_eq!(count("1.5"), Ok(None));
        assert!(count("}").is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_accepts_every_document_serde_json_writes(value in any_json()) {
            prop_assert!(accepts(value.to_string().as_bytes()));
        }

        #[test]
        fn it_agrees_with_serde_json_on_damaged_documents(value in any_json(), at in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f) {
            let mut text = value.to_string().into_bytes();
            let at = at.index(text.len());
            text[at] = byte;
            if std::str::from_utf8(&text).is_ok() {
                // Surrogate halves and numbers beyond f64 are serde_json's own extra rules.
                let theirs = serde_json::from_slice::<Value>(&text);
                let extra = theirs.as_ref().err().map(ToString::to_string).unwrap_or_default();
                if !extra.contains("surrogate") && !extra.contains("out of range") && !extra.contains("hex escape") {
                    prop_assert_eq!(accepts(&text), theirs.is_ok(), "{}", String::from_utf8_lossy(&text));
                }
            }
        }
    }
}
