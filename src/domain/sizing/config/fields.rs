//! Reads fields of a `config.json` so that an error names the field's path.

use serde_json::{Map, Value};

use super::Error;

/// The object that describes the text model.
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    /// The whole file, which may have fields that the text model's part leaves out.
    file: &'a Map<String, Value>,
    /// `text_config.` where that is the object.
    prefix: &'static str,
}

impl<'a> Fields<'a> {
    /// The file's own fields, or those of `text_config` where a model that also sees keeps them apart.
    pub(super) fn of_text_model(value: &'a Value) -> Result<Self, Error> {
        let file = value.as_object().ok_or_else(|| Error::Json("it is no JSON object".to_owned()))?;
        match file.get("text_config") {
            Some(Value::Object(text)) => Ok(Self { object: text, file, prefix: "text_config." }),
            Some(_) => {
                Err(Error::Field { field: "text_config".to_owned(), reason: "must be an object".to_owned() })
            }
            None => Ok(Self { object: file, file, prefix: "" }),
        }
    }

    /// The refusal of a field.
    pub(super) fn refuse(&self, field: &str, reason: impl Into<String>) -> Error {
        Error::Field { field: format!("{}{field}", self.prefix), reason: reason.into() }
    }

    /// The first of these that is there and not null.
    fn first<'n>(&self, names: &[&'n str]) -> Option<(&'n str, &'a Value)> {
        names.iter().find_map(|name| Some((*name, self.object.get(*name).filter(|value| !value.is_null())?)))
    }

    /// A whole number from 1 to `most`.
    pub(super) fn whole(&self, names: &[&str], most: u32) -> Result<Option<u32>, Error> {
        self.from(names, 1, most)
    }

    /// A whole number from 0 to `most`.
    pub(super) fn whole_or_zero(&self, name: &str, most: u32) -> Result<Option<u32>, Error> {
        self.from(&[name], 0, most)
    }

    fn from(&self, names: &[&str], least: u32, most: u32) -> Result<Option<u32>, Error> {
        let Some((name, value)) = self.first(names) else { return Ok(None) };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                Err(self.refuse(name, format!("`{value}` must be a whole number from {least} to {most}")))
            }
        }
    }

    /// The same of a field that every model needs.
    pub(super) fn needed(&self, names: &[&str], most: u32) -> Result<u32, Error> {
        let first = names.first().copied().unwrap_or_default();
        self.whole(names, most)?
            .ok_or_else(|| self.refuse(first, "is missing, and no model can be sized without it"))
    }

    /// A yes or no.
    pub(super) fn yes(&self, name: &str) -> Result<Option<bool>, Error> {
        match self.first(&[name]) {
            None => Ok(None),
            Some((_, Value::Bool(yes))) => Ok(Some(*yes)),
            Some((name, value)) => Err(self.refuse(name, format!("`{value}` must be true or false"))),
        }
    }

    /// A text, with the name it was found by; the whole file is asked too.
    pub(super) fn text(&self, names: &[&'static str]) -> Result<Option<(&'static str, &'a str)>, Error> {
        let own = self.first(names);
        let found = own.or_else(|| names.iter().find_map(|name| Some((*name, self.file.get(*name)?))));
        match found {
            None | Some((_, Value::Null)) => Ok(None),
            Some((name, Value::String(text))) => Ok(Some((name, text))),
            Some((name, value)) => Err(self.refuse(name, format!("`{value}` must be a text"))),
        }
    }

    /// A list; empty where it isn't there.
    pub(super) fn list(&self, name: &str) -> Result<Option<&'a [Value]>, Error> {
        match self.first(&[name]) {
            None => Ok(None),
            Some((_, Value::Array(list))) => Ok(Some(list)),
            Some((name, value)) => Err(self.refuse(name, format!("`{value}` must be a list"))),
        }
    }

    /// How the weights are quantised, as the file says it.
    pub(super) fn quantisation(&self) -> Option<&'a str> {
        let part = self.object.get("quantization_config").or_else(|| self.file.get("quantization_config"))?;
        part.get("quant_method")?.as_str()
    }
}
