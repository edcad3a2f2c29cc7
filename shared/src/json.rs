//! Reading JSON in little code.
//!
//! A phone on a bad network has to load every byte of the app. `serde_json` compiles a parser into every type that it
//! reads, for arrays as well as for objects: 310 KB of functions over the wire's types, besides their visitors. Here the
//! parsing stands once, and what is compiled per type only walks over fields. Writing, and everything on the server that
//! is not of the wire, is `serde_json`'s.
//!
//! It reads what RFC 8259 calls JSON, objects into structs by field name, enums tagged from outside. Nesting deeper
//! than [`DEPTH`] is refused, so that nobody's message can exhaust the stack.

use std::{borrow::Cow, fmt};

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

/// The deepest nesting that is read.
pub const DEPTH: u32 = 100;

/// Why a text could not be read, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    why: Cow<'static, str>,
    at: usize,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)?;
        if self.at > 0 {
            f.write_str(" at byte ")?;
            fmt::Display::fmt(&self.at, f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Error { why: Cow::Owned(why.to_string()), at: 0 }
    }

    // What was found instead is not named: it may be a decimal, and writing decimals weighs as much as all of this.
    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Error { why: Cow::Owned(format!("expected {expected}")), at: 0 }
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(found, expected)
    }
}

type Result<T> = std::result::Result<T, Error>;

/// Reads a text that is one JSON value and nothing else.
///
/// # Errors
/// What is not JSON, or not what the type asks for.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    let mut reader = Reader { text, at: 0, depth: DEPTH };
    let value = T::deserialize(&mut reader)?;
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.wrong("more than one value")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

enum Number {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
}

impl<'a> Reader<'a> {
    fn wrong(&self, why: &'static str) -> Error {
        // Counted from 1, so that 0 can mean nowhere.
        Error { why: Cow::Borrowed(why), at: self.at + 1 }
    }

    /// The next byte that is not white space, left unread.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8, why: &'static str) -> Result<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.wrong(why))
        }
    }

    fn open(&mut self, byte: u8, why: &'static str) -> Result<()> {
        self.expect(byte, why)?;
        self.depth = self.depth.checked_sub(1).ok_or_else(|| self.wrong("nested too deeply"))?;
        Ok(())
    }

    fn close(&mut self, byte: u8) -> Result<()> {
        self.depth += 1;
        self.expect(byte, "expected the end of an object or array")
    }

    /// Whether another element follows; steps over the comma before it.
    fn another(&mut self, end: u8, first: &mut bool) -> Result<bool> {
        if self.peek() == Some(end) {
            return Ok(false);
        }
        if !std::mem::take(first) {
            self.expect(b',', "expected a comma")?;
        }
        Ok(true)
    }

    fn literal(&mut self, word: &str) -> Result<()> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.wrong("expected a value"))
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>> {
        self.expect(b'"', "expected a string")?;
        let text = self.text;
        let bytes = text.as_bytes();
        let mut start = self.at;
        let mut owned = String::new();
        loop {
            match bytes.get(self.at) {
                // A quote and a backslash are never inside another character of UTF-8.
                Some(b'"') => {
                    let tail = &text[start..self.at];
                    self.at += 1;
                    return Ok(if owned.is_empty() { Cow::Borrowed(tail) } else { Cow::Owned(owned + tail) });
                }
                Some(b'\\') => {
                    owned.push_str(&text[start..self.at]);
                    self.at += 1;
                    owned.push(self.escape()?);
                    start = self.at;
                }
                Some(0..=0x1f) => return Err(self.wrong("control character in a string")),
                Some(_) => self.at += 1,
                None => return Err(self.wrong("unfinished string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        let escaped = match self.text.as_bytes().get(self.at) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            Some(_) | None => return Err(self.wrong("unknown escape")),
        };
        self.at += 1;
        Ok(escaped)
    }

    fn unicode(&mut self) -> Result<char> {
        let first = self.hex()?;
        let code = match first {
            0xd800..=0xdbff => {
                if !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
                    return Err(self.wrong("half a character"));
                }
                self.at += 2;
                let second = self.hex()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(self.wrong("half a character"));
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            code => code,
        };
        char::from_u32(code).ok_or_else(|| self.wrong("half a character"))
    }

    fn hex(&mut self) -> Result<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let mut code = 0;
        for digit in digits.ok_or_else(|| self.wrong("unfinished escape"))? {
            let value = char::from(*digit).to_digit(16).ok_or_else(|| self.wrong("unknown escape"))?;
            code = code * 16 + value;
        }
        self.at += 4;
        Ok(code)
    }

    fn number(&mut self) -> Result<Number> {
        self.peek();
        let bytes = self.text.as_bytes();
        let start = self.at;
        let digits = |mut at: usize| {
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            at
        };
        let negative = bytes.get(start) == Some(&b'-');
        let whole = start + usize::from(negative);
        let mut end = digits(whole);
        let leading_zero = bytes.get(whole) == Some(&b'0') && end > whole + 1;
        if end == whole || leading_zero {
            return Err(self.wrong("expected a value"));
        }
        let integer = end;
        if bytes.get(end) == Some(&b'.') {
            let fraction = digits(end + 1);
            if fraction == end + 1 {
                return Err(self.wrong("unfinished number"));
            }
            end = fraction;
        }
        if let Some(b'e' | b'E') = bytes.get(end) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + sign);
            if exponent == end + 1 + sign {
                return Err(self.wrong("unfinished number"));
            }
            end = exponent;
        }
        let text = &self.text[start..end];
        self.at = end;
        if end == integer {
            if let Ok(number) = text.parse() {
                return Ok(if negative {
                    Number::Signed(number)
                } else {
                    Number::Unsigned(number.unsigned_abs())
                });
            }
            if let Ok(number) = text.parse() {
                return Ok(Number::Unsigned(number));
            }
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Number::Float(number)),
            Ok(_) | Err(_) => Err(self.wrong("number out of range")),
        }
    }

    fn skip(&mut self) -> Result<()> {
        match self.peek() {
            Some(b'{') => {
                self.open(b'{', "")?;
                let mut first = true;
                while self.another(b'}', &mut first)? {
                    self.peek();
                    self.string()?;
                    self.expect(b':', "expected a colon")?;
                    self.skip()?;
                }
                self.close(b'}')
            }
            Some(b'[') => {
                self.open(b'[', "")?;
                let mut first = true;
                while self.another(b']', &mut first)? {
                    self.skip()?;
                }
                self.close(b']')
            }
            Some(b'"') => self.string().map(drop),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            Some(_) | None => self.number().map(drop),
        }
    }

    fn bool(&mut self) -> Result<bool> {
        match self.peek() {
            Some(b't') => self.literal("true").map(|()| true),
            _ => self.literal("false").map(|()| false),
        }
    }

    fn null(&mut self) -> Result<bool> {
        if self.peek() == Some(b'n') { self.literal("null").map(|()| true) } else { Ok(false) }
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value> {
            match self.number()? {
                Number::Signed(number) => visitor.visit_i64(number),
                Number::Unsigned(number) => visitor.visit_u64(number),
                Number::Float(number) => visitor.visit_f64(number),
            }
        }
    )*};
}

impl<'a> Deserializer<'a> for &mut Reader<'a> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value> {
        match self.peek() {
            Some(b'{') => self.deserialize_map(visitor),
            Some(b'[') => self.deserialize_seq(visitor),
            Some(b'"') => self.deserialize_str(visitor),
            Some(b't' | b'f') => self.deserialize_bool(visitor),
            Some(b'n') => self.deserialize_unit(visitor),
            Some(_) | None => self.deserialize_f64(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_bool(self.bool()?)
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_str(&self.string()?)
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value> {
        if self.null()? { visitor.visit_unit() } else { Err(self.wrong("expected null")) }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value> {
        if self.null()? { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value> {
        self.open(b'[', "expected an array")?;
        let value = visitor.visit_seq(Elements { reader: self, first: true })?;
        self.close(b']')?;
        Ok(value)
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value> {
        self.open(b'{', "expected an object")?;
        let value = visitor.visit_map(Elements { reader: self, first: true })?;
        self.close(b'}')?;
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.open(b'{', "expected an object")?;
        let value = visitor.visit_map(Fields { reader: self, first: true, names })?;
        self.close(b'}')?;
        Ok(value)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let unit = self.peek() != Some(b'{');
        if !unit {
            self.open(b'{', "")?;
        }
        let value = visitor.visit_enum(Variant { reader: self, unit, names })?;
        if !unit {
            self.close(b'}')?;
        }
        Ok(value)
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        self.deserialize_unit(visitor)
    }

    serde::forward_to_deserialize_any! { <W: Visitor<'a>> i128 u128 bytes byte_buf }

    fn deserialize_char<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }
}

/// The place of a name among those that a type knows. The code that compares names stands here once instead of in every
/// type, which understands the place as well.
struct Place(usize);

impl<'a> Deserializer<'a> for Place {
    type Error = Error;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_u64(self.0 as u64)
    }

    serde::forward_to_deserialize_any! { <W: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The fields of a struct, by their places in its declaration.
struct Fields<'r, 'a> {
    reader: &'r mut Reader<'a>,
    first: bool,
    names: &'static [&'static str],
}

impl Fields<'_, '_> {
    /// The place of the next field: behind the last one for a field that the struct does not know.
    fn next(&mut self) -> Result<Option<Place>> {
        if !self.reader.another(b'}', &mut self.first)? {
            return Ok(None);
        }
        if self.reader.peek() != Some(b'"') {
            return Err(self.reader.wrong("expected a field's name"));
        }
        let name = self.reader.string()?;
        let known = self.names.iter().position(|known| **known == *name);
        Ok(Some(Place(known.unwrap_or(self.names.len()))))
    }
}

impl<'a> MapAccess<'a> for Fields<'_, 'a> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        match self.next()? {
            Some(place) => seed.deserialize(place).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value> {
        self.reader.expect(b':', "expected a colon")?;
        seed.deserialize(&mut *self.reader)
    }
}

/// The elements of an array or the entries of a map.
struct Elements<'r, 'a> {
    reader: &'r mut Reader<'a>,
    first: bool,
}

impl<'a> SeqAccess<'a> for Elements<'_, 'a> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if !self.reader.another(b']', &mut self.first)? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'a> MapAccess<'a> for Elements<'_, 'a> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if !self.reader.another(b'}', &mut self.first)? {
            return Ok(None);
        }
        if self.reader.peek() != Some(b'"') {
            return Err(self.reader.wrong("expected a field's name"));
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value> {
        self.reader.expect(b':', "expected a colon")?;
        seed.deserialize(&mut *self.reader)
    }
}

/// A variant: its name alone, or an object with its name as the one field.
struct Variant<'r, 'a> {
    reader: &'r mut Reader<'a>,
    unit: bool,
    names: &'static [&'static str],
}

impl<'a> EnumAccess<'a> for Variant<'_, 'a> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'a>>(mut self, seed: V) -> Result<(V::Value, Self)> {
        let name = seed.deserialize(self.place()?)?;
        Ok((name, self))
    }
}

impl Variant<'_, '_> {
    fn place(&mut self) -> Result<Place> {
        if self.reader.peek() != Some(b'"') {
            return Err(self.reader.wrong("expected a variant's name"));
        }
        let name = self.reader.string()?;
        let place = self.names.iter().position(|known| **known == *name);
        let place = place.ok_or_else(|| self.reader.wrong("unknown variant"))?;
        if !self.unit {
            self.reader.expect(b':', "expected a colon")?;
        }
        Ok(Place(place))
    }

    fn content(&self) -> Result<()> {
        if self.unit { Err(self.reader.wrong("a variant without its content")) } else { Ok(()) }
    }
}

impl<'a> VariantAccess<'a> for Variant<'_, 'a> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        if self.unit || self.reader.null()? {
            Ok(())
        } else {
            Err(self.reader.wrong("a variant with unexpected content"))
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value> {
        self.content()?;
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.content()?;
        self.reader.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'a>>(self, names: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.content()?;
        self.reader.deserialize_struct("", names, visitor)
    }
}
