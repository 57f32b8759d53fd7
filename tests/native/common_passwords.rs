//! The table of common passwords, compared with the list that it was built from (tests/fixtures/passwords).

use super::project;
use miniz_oxide::inflate::decompress_to_vec;
use perfil::domain::Rule;
use perfil::domain::text::uncommon_password;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Django's list, the most common password first.
static LIST: LazyLock<Vec<String>> = LazyLock::new(|| {
    let file = std::fs::read(project("tests/fixtures/passwords/common-passwords.txt.gz")).unwrap();
    // In a gzip file, a file name follows the header of ten bytes and ends with a NUL (RFC 1952 section 2.3).
    assert_eq!(file[3], 8, "the gzip header has a file name and no other optional field");
    let name = file[10..].iter().position(|byte| *byte == 0).unwrap();
    let text = decompress_to_vec(&file[11 + name..]).unwrap();
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
});

/// The first 3,000 of them that seam's rule accepts, as in docs/contract.md.
static COMMON: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    let is_eligible = |word: &&str| word.len() >= 6 && word.is_ascii();
    LIST.iter().map(String::as_str).filter(is_eligible).take(3000).collect()
});

fn is_refused(password: &str) -> bool {
    match uncommon_password(password, 1, 100) {
        Ok(_) => false,
        Err(Rule::CommonPassword) => true,
        Err(rule) => panic!("{password}: {rule:?}"),
    }
}

#[test]
fn the_3000_most_common_passwords_are_refused_in_any_letter_case() {
    assert_eq!(COMMON.len(), 3000);
    for word in COMMON.iter() {
        let (first, rest) = word.split_at(1);
        for password in [(*word).to_owned(), word.to_uppercase(), first.to_uppercase() + rest] {
            assert!(is_refused(&password), "{password}");
        }
    }
}

#[test]
fn the_other_16000_passwords_of_the_list_are_not_refused() {
    let others: Vec<_> = LIST.iter().filter(|word| !COMMON.contains(word.as_str())).collect();
    assert!(others.len() > 16_000, "{}", others.len());
    for word in others {
        assert!(!is_refused(word), "{word}");
    }
}

#[test]
fn other_faults_of_a_password_take_precedence() {
    assert_eq!(uncommon_password("12345", 6, 100), Err(Rule::TooShort { min: 6, max: 100 }));
    assert_eq!(uncommon_password("1234567", 1, 6), Err(Rule::TooLong { min: 1, max: 6 }));
    assert_eq!(uncommon_password("123456\n", 6, 100), Err(Rule::ControlCharacter));
}

proptest! {
    #[test]
    fn a_password_with_one_changed_character_is_refused_only_if_it_is_common_too(
        word in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        put in "[a-z0-9 A-Zé]?",
        kept in 0..2_usize,
    ) {
        let word = COMMON.iter().nth(word.index(3000)).unwrap();
        let at = at.index(word.len());
        let changed = format!("{}{put}{}", &word[..at], &word[at + 1 - kept..]);
        prop_assert_eq!(is_refused(&changed), COMMON.contains(changed.to_lowercase().as_str()), "{}", changed);
    }
}
