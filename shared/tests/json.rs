//! The reader of JSON reads what `serde_json` reads, and refuses what it refuses.

use proptest::prelude::*;
use serde_json::{Value, json};
use shared::{
    json::{DEPTH, read},
    wire::{PullResponse, PushRequest, PushResponse},
};

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300..1e300f64).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_read_as_it_was_written(value in values(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        prop_assert_eq!(read::<Value>(&text.unwrap()).unwrap(), value);
    }

    #[test]
    fn a_text_is_read_or_refused_as_by_serde_json(text in "[\\[\\]{}\",:0-9.eE+\\-truefalsn\\\\u dD8cC \n]{0,24}") {
        prop_assert_eq!(read::<Value>(&text).ok(), serde_json::from_str::<Value>(&text).ok());
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), cut in 0..400usize) {
        let _ = read::<Value>(&text);
        let golden = include_str!("golden/push_v1.json");
        let cut = golden.floor_char_boundary(cut * golden.len() / 400);
        prop_assert!(read::<PushRequest>(&golden[..cut]).is_err());
    }
}

#[test]
fn escapes_are_characters() {
    let text = r#""\"\\\/\b\f\n\r\t\u00e9\u9996\ud83d\ude00""#;
    assert_eq!(read::<String>(text).unwrap(), "\"\\/\u{8}\u{c}\n\r\té首😀");
    for half in [r#""\ud83d""#, r#""\ud83dx""#, r#""\ude00""#, r#""\ud83d\u0041""#, r#""\u12""#, r#""\x""#] {
        assert!(read::<String>(half).is_err(), "{half}");
    }
}

#[test]
fn nesting_ends_before_the_stack_does() {
    let nested = |depth: u32| "[".repeat(depth as usize) + &"]".repeat(depth as usize);
    assert!(read::<Value>(&nested(DEPTH)).is_ok());
    assert!(read::<Value>(&nested(DEPTH + 1)).is_err());
    assert!(read::<serde::de::IgnoredAny>(&nested(1_000_000)).is_err());
}

#[test]
fn an_error_says_what_and_where() {
    assert_eq!(read::<Value>("[1 2]").unwrap_err().to_string(), "expected a comma at byte 4");
    assert_eq!(read::<u8>("\"a\"").unwrap_err().to_string(), "expected a value at byte 1");
    assert_eq!(read::<Value>("1 1").unwrap_err().to_string(), "more than one value at byte 3");
}

#[test]
fn the_golden_messages_are_read_alike() {
    let pull = include_str!("golden/pull_v1.json");
    assert_eq!(read::<PullResponse>(pull).unwrap(), serde_json::from_str(pull).unwrap());
    let push = include_str!("golden/push_v1.json");
    assert_eq!(read::<PushRequest>(push).unwrap(), serde_json::from_str(push).unwrap());
    let answers = include_str!("golden/answers_v1.json");
    assert_eq!(read::<PushResponse>(answers).unwrap(), serde_json::from_str(answers).unwrap());
    let unknown = json!({ "answers": [], "server_time": 1, "epoch": "e", "later": { "a": [null, "x"] } });
    assert_eq!(read::<PushResponse>(&unknown.to_string()).unwrap().epoch, "e");
}
