//! `field = value`: which of Segment's operators is meant, which hangs on the field and on how the value is written.

use super::ast::{Field, Operand, Operator, Test};
use super::error::FilterProblem;
use super::lexer::{Kind, Token};
use super::parser::Parser;
use crate::js;

impl<'t> Parser<'t> {
    pub(super) fn comparison(&mut self, field: Field, operator: Operator, value: &'t Token) -> Test {
        // What has a path compares with numbers, booleans and null; the other fields are texts.
        let typed = matches!(field, Field::Property(_) | Field::Trait(_) | Field::Context(_) | Field::Other(_));
        let equality = match operator {
            Operator::Equals => Some(true),
            Operator::NotEquals => Some(false),
            _ => None,
        };
        let bare = match &value.kind {
            Kind::Word(word) => Some(word.as_str()),
            _ => None,
        };
        if let (Some(equal), Some("null")) = (equality, bare) {
            match field {
                Field::Type => self.problem(value, FilterProblem::NeverNull { field: "type" }),
                Field::Event => self.problem(value, FilterProblem::NeverNull { field: "event" }),
                _ => {
                    let operator = if equal { Operator::NotExists } else { Operator::Exists };
                    return Test { field, operator, operand: None };
                }
            }
        }
        let boolean = match bare {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        };
        if let (Some(equal), Some(flag), true) = (equality, boolean, typed || field == Field::UserId) {
            if equal {
                let operator = if flag { Operator::IsTrue } else { Operator::IsFalse };
                return Test { field, operator, operand: None };
            }
            self.problem(value, FilterProblem::NotBoolean { opposite: !flag });
        }
        let (operator, operand) = match (&value.kind, equality) {
            (Kind::Number(number), Some(equal)) if typed => {
                let operator = if equal { Operator::NumberEquals } else { Operator::NumberNotEquals };
                (operator, Operand::Number(number.clone()))
            }
            (Kind::Number(number), _) if typed => (operator, Operand::Number(number.clone())),
            (Kind::Number(number), _) => {
                let mut text = String::new();
                js::push_number(&mut text, number);
                (operator, Operand::Text(text.into()))
            }
            (Kind::Text(text), _) => (operator, Operand::Text(text.as_str().into())),
            _ if typed && boolean.is_some() => (operator, Operand::Bool(boolean == Some(true))),
            (Kind::Word(word), _) => (operator, Operand::Text(word.as_str().into())),
            (Kind::End, _) => {
                self.expected("a value", value);
                self.at = self.tokens.len() - 1;
                (operator, Operand::Text("eos".into()))
            }
            _ => {
                self.expected("a value", value);
                (operator, Operand::Text(self.text[value.start..value.end].into()))
            }
        };
        Test { field, operator, operand: Some(operand) }
    }
}
