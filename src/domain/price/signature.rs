//! A GPU's name taken apart: family, form and memory, however it is spelled.

/// How a card is built, where that makes another card of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Sxm,
    Pcie,
    Nvl,
    Oam,
    Fhhl,
    Sff,
    MaxQ,
    Workstation,
    Server,
}

/// What a name says.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Signature {
    /// `h100`, `4090`, `6000ada`: the words that are left, without `rtx`, which half of the sources leave out.
    pub(super) family: String,
    pub(super) form: Option<Form>,
    pub(super) memory_gb: Option<f64>,
    /// It names a part of a card (MIG).
    pub(super) slice: bool,
}

/// Words that tell no card from another.
const NOISE: &[&str] = &[
    "nvidia",
    "amd",
    "instinct",
    "geforce",
    "tesla",
    "quadro",
    "gpu",
    "gpus",
    "graphics",
    "card",
    "tensor",
    "core",
    "generation",
    "gen",
    "edition",
    "blackwell",
    "hopper",
    "ampere",
    "lovelace",
    "nvlink",
    "hbm2",
    "hbm2e",
    "hbm3",
    "hbm3e",
    "gddr6",
    "gddr6x",
    "gddr7",
    "ac",
    "vram",
    "rtx",
];

/// Makers' words that are written together with what follows.
const GLUED_BEFORE: &[&str] = &["nvidia", "geforce", "tesla", "quadro", "rtx"];

/// Words of a form, longer ones before their beginnings.
const FORMS: &[(&str, Form)] = &[
    ("sxm2", Form::Sxm),
    ("sxm3", Form::Sxm),
    ("sxm4", Form::Sxm),
    ("sxm5", Form::Sxm),
    ("sxm6", Form::Sxm),
    ("sxm", Form::Sxm),
    ("hgx", Form::Sxm),
    ("pcie", Form::Pcie),
    ("nvl", Form::Nvl),
    ("oam", Form::Oam),
    ("fhhl", Form::Fhhl),
    ("sff", Form::Sff),
    ("maxq", Form::MaxQ),
    ("workstation", Form::Workstation),
    ("wk", Form::Workstation),
    ("ws", Form::Workstation),
    ("server", Form::Server),
    ("bse", Form::Server),
];

/// The name in lower case, its words apart by one space whatever was between them.
pub(super) fn plain(name: &str) -> String {
    let spaced: String = name
        .chars()
        .map(|c| if c.is_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { ' ' })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ").replace("max q", "maxq")
}

impl Signature {
    /// Takes a name apart.
    pub(super) fn of(name: &str) -> Self {
        let plain = plain(name);
        let words: Vec<&str> = plain.split(' ').filter(|word| !word.is_empty()).collect();
        let mut signature = Self { slice: is_slice(&words), ..Self::default() };
        let mut index = 0;
        while let Some(word) = words.get(index) {
            index += 1;
            if let Some(memory) = memory(word) {
                signature.memory_gb = Some(memory);
            } else if let (Ok(number), Some(&("gb" | "gib"))) = (word.parse::<f64>(), words.get(index)) {
                signature.memory_gb = Some(number);
                index += 1;
            } else if !is_count(word) {
                signature.take(word);
            }
        }
        signature
    }

    /// A word that is neither memory nor count: noise, a form, or part of the family.
    fn take(&mut self, word: &str) {
        if NOISE.contains(&word) {
            return;
        }
        if let Some((_, form)) = FORMS.iter().find(|(text, _)| *text == word) {
            // A Max-Q card is a "Max-Q Workstation Edition" in full.
            if self.form != Some(Form::MaxQ) {
                self.form = Some(*form);
            }
            return;
        }
        let mut rest = word;
        while let Some(after) = GLUED_BEFORE.iter().find_map(|maker| rest.strip_prefix(maker)) {
            rest = after;
        }
        let glued = FORMS.iter().find_map(|(text, form)| Some((rest.strip_suffix(text)?, *form)));
        if let Some((before, form)) =
            glued.filter(|(before, _)| before.contains(|c: char| c.is_ascii_digit()))
        {
            rest = before;
            self.form = Some(form);
        }
        self.family.push_str(rest);
    }
}

/// `80gb`, `80gib`, `80g`, `80gi`: so many GB.
fn memory(word: &str) -> Option<f64> {
    let number = ["gib", "gb", "gi", "g"].iter().find_map(|unit| word.strip_suffix(unit))?;
    number.parse().ok().filter(|gb: &f64| gb.is_finite() && *gb > 0.0)
}

/// `8x`: how many, not which.
fn is_count(word: &str) -> bool {
    word.strip_suffix('x').is_some_and(|number| number.parse::<u32>().is_ok())
}

/// `MIG`, or a profile of it: `1g.24gb`.
fn is_slice(words: &[&str]) -> bool {
    let profile = |word: &str| {
        word.split_once("g.")
            .is_some_and(|(parts, memory)| parts.parse::<u32>().is_ok() && memory.ends_with("gb"))
    };
    words.iter().any(|word| *word == "mig" || profile(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart_however_it_is_spelled() {
        for (name, family, form, memory) in [
            ("NVIDIA H100 80GB HBM3", "h100", None, Some(80.0)),
            ("NVIDIA-H100-80GB-HBM3", "h100", None, Some(80.0)),
            ("H100 (80 GB SXM5)", "h100", Some(Form::Sxm), Some(80.0)),
            ("8x H100 (80 GB SXM5)", "h100", Some(Form::Sxm), Some(80.0)),
            ("H100-80G-PCIe", "h100", Some(Form::Pcie), Some(80.0)),
            ("H100NVL", "h100", Some(Form::Nvl), None),
            ("h100sxm", "h100", Some(Form::Sxm), None),
            ("RTX4090", "4090", None, None),
            ("NVIDIA GeForce RTX 4090 PCIe 24GB", "4090", Some(Form::Pcie), Some(24.0)),
            ("geforcertx4090-pcie-24gb", "4090", Some(Form::Pcie), Some(24.0)),
            ("RTX-A6000", "a6000", None, None),
            ("RTX 6000Ada", "6000ada", None, None),
            ("RTX 6000 Ada Generation", "6000ada", None, None),
            ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "pro6000", Some(Form::MaxQ), None),
            ("AMD Instinct MI300X OAM", "mi300x", Some(Form::Oam), None),
            ("nvidia_rtx4000_ada", "4000ada", None, None),
            ("Tesla V100-FHHL-16GB", "v100", Some(Form::Fhhl), Some(16.0)),
        ] {
            let signature = Signature::of(name);
            assert_eq!((signature.family.as_str(), signature.form), (family, form), "{name}");
            assert_eq!(signature.memory_gb, memory, "{name}");
            assert!(!signature.slice, "{name}");
        }
    }

    #[test]
    fn a_part_of_a_card_is_seen() {
        for name in ["A100-3g.20gb", "PRO 6000 MIG 48GB", "NVIDIA H100 MIG 1g.10gb"] {
            assert!(Signature::of(name).slice, "{name}");
        }
    }
}
