//! How a CSV file is to be read.

use std::convert::Infallible;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CsvOptions {
    pub target: TargetColumn,
    /// The target is a class (true) or a number to fit (false). By default a class if it is text
    /// or if its values are exactly 0, 1, … k-1.
    pub classes: Option<bool>,
    pub delimiter: char,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            target: TargetColumn::Last,
            classes: None,
            delimiter: ',',
        }
    }
}

/// Which column is the target: `last`, a number or a name of the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "NumberOrText", into = "NumberOrText")]
pub enum TargetColumn {
    Last,
    /// Counted from 1, as in messages.
    Number(usize),
    Name(String),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(usize),
    Text(String),
}

impl From<NumberOrText> for TargetColumn {
    fn from(value: NumberOrText) -> Self {
        match value {
            NumberOrText::Number(number) => TargetColumn::Number(number),
            NumberOrText::Text(text) if text == "last" => TargetColumn::Last,
            NumberOrText::Text(text) => TargetColumn::Name(text),
        }
    }
}

impl From<TargetColumn> for NumberOrText {
    fn from(column: TargetColumn) -> Self {
        match column {
            TargetColumn::Last => NumberOrText::Text("last".into()),
            TargetColumn::Number(number) => NumberOrText::Number(number),
            TargetColumn::Name(name) => NumberOrText::Text(name),
        }
    }
}

impl FromStr for TargetColumn {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.parse() {
            Ok(number) => TargetColumn::Number(number),
            Err(_) => NumberOrText::Text(text.into()).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(text: &str) -> TargetColumn {
        text.parse().unwrap()
    }

    #[test]
    fn a_target_is_last_a_number_or_a_name() {
        assert_eq!(column("last"), TargetColumn::Last);
        assert_eq!(column("3"), TargetColumn::Number(3));
        assert_eq!(column("price"), TargetColumn::Name("price".into()));
    }

    #[test]
    fn options_read_back_what_they_write() {
        for target in ["last", "2", "price"].map(column) {
            let options = CsvOptions {
                target,
                ..CsvOptions::default()
            };
            let text = serde_json::to_string(&options).unwrap();
            assert_eq!(serde_json::from_str::<CsvOptions>(&text).unwrap(), options);
        }
    }
}
