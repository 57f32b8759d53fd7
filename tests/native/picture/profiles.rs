//! Colour profiles: the numbers that convert colours are kept, and information about people, places and devices is
//! removed (contract M2). tests/fixtures/pictures/README.md lists the sources of the profiles.

use super::forge::*;
use super::icc::*;
use super::{mutants, parse, picture};
use miniz_oxide::deflate::compress_to_vec_zlib;
use proptest::{prelude::*, sample::Index};

const PROFILES: [&str; 8] = [
    "sRGB-v2-nano",
    "sRGB-v4",
    "DisplayP3-v4",
    "AdobeCompat-v2",
    "CGATS001Compat-v2-micro",
    "sGrey-v2-micro",
    "sGrey-v4",
    "tables-v4",
];

/// One picture of each format.
const PICTURES: [&str; 4] = ["grey.jpg", "alpha.png", "still.gif", "extended.webp"];

#[test]
fn a_stored_profile_has_no_information_about_people_and_devices() {
    for name in PROFILES {
        let tagged_profile = with_metadata(&profile(name));
        assert!(contains_metadata(&tagged_profile));
        for file in PICTURES {
            let upload = with_profile(file, &tagged_profile);
            let stored = parse(&upload).unwrap();
            assert!(!contains_metadata(&stored), "{name} in {file}: the picture still has metadata");
            let kept = profile_of(file, &stored).unwrap_or_else(|| panic!("{name} in {file} is gone"));
            assert!(!contains_metadata(&kept), "{name} in {file}: the profile still has metadata");
            assert_eq!(parse(&stored).as_ref(), Ok(&stored), "{name} in {file} changes when it is parsed again");
        }
    }
}

#[test]
fn the_numbers_of_a_profile_are_kept_and_shared_as_before() {
    let places = |profile: &[u8]| {
        let is_text = |signature: &[u8; 4]| [b"desc", b"cprt"].contains(&signature);
        let places = entries(profile).into_iter().filter(|(signature, ..)| !is_text(signature)).map(|(_, at, _)| at);
        places.collect::<std::collections::BTreeSet<_>>().len()
    };
    for (name, file) in PROFILES.iter().flat_map(|name| PICTURES.map(|file| (name, file))) {
        let plain = profile(name);
        for before in [plain.clone(), with_metadata(&plain)] {
            let after = profile_of(file, &parse(&with_profile(file, &before)).unwrap()).unwrap();
            assert!(after.len() <= before.len() && after.len().is_multiple_of(4), "{name} in {file}");
            assert!(numbers(&after) == numbers(&plain), "{name} in {file} has other numbers");
            assert_eq!(places(&after), places(&plain), "{name} in {file}");
            assert_eq!(after[8..24], [&plain[8..10], &[0, 0], &plain[12..24]].concat(), "{name}: version and spaces");
            assert_eq!(after[64..80], plain[64..80], "{name}: intent and illuminant");
            for zeros in [4..8, 24..36, 40..64, 80..128] {
                assert!(after[zeros].iter().all(|byte| *byte == 0), "{name} in {file}");
            }
            let order: Vec<&str> = KEPT.split(' ').filter(|kept| tag(&after, kept.as_bytes()).is_some()).collect();
            assert_eq!(order.len(), entries(&after).len(), "{name} in {file} has a tag too many");
        }
    }
}

#[test]
fn description_and_copyright_are_emptied() {
    let texts = |profile: &[u8]| {
        let kept = profile_of("extended.webp", &parse(&with_profile("extended.webp", profile)).unwrap()).unwrap();
        [b"desc", b"cprt"].map(|signature| tag(&kept, signature))
    };
    let new = Some(b"mluc\0\0\0\0\0\0\0\x01\0\0\0\x0CenUS\0\0\0\x02\0\0\0\x1C\0-".to_vec());
    let old = [b"desc\0\0\0\0\0\0\0\x02-\0".as_slice(), &[0; 78]].concat();
    assert_eq!(texts(&profile("sRGB-v4")), [new.clone(), new.clone()]);
    assert_eq!(texts(&with_metadata(&profile("sRGB-v2-nano"))), [Some(old), Some(b"text\0\0\0\0-\0".to_vec())]);
    assert_eq!(texts(&profile("sRGB-v2-nano")), [new.clone(), new], "the texts of version 2 don't fit");
    let plain = profile("sRGB-v4");
    let mut bare = tags(&plain);
    bare.retain(|(signature, _)| !signature.ends_with(b"sc") && !signature.ends_with(b"rt"));
    assert_eq!(texts(&with_tags(&plain, &bare, b"")), [None, None]);
}

/// A grey profile with a curve that has these points.
fn with_curve(points: &[u8]) -> Vec<u8> {
    let grey = profile("sGrey-v4");
    let mut all = tags(&grey);
    let curve = all.iter_mut().find(|(signature, _)| signature == b"kTRC").unwrap();
    curve.1 = [b"curv\0\0\0\0", &be(points.len() / 2)[..], points].concat();
    with_tags(&grey, &all, b"")
}

#[test]
fn the_profile_of_a_jpeg_may_have_many_parts_in_any_order() {
    let short = profile("AdobeCompat-v2");
    let once = parse(&with_profile("grey.jpg", &short)).unwrap();
    let mut parts = jpeg_parts(&short, 2);
    assert_eq!(parse(&jpeg_with("grey.jpg", &parts)).as_ref(), Ok(&once));
    parts.reverse();
    parts.insert(100, jpeg_segment(0xFE, b"SECRET"));
    assert_eq!(parse(&jpeg_with("grey.jpg", &parts)).as_ref(), Ok(&once));
    let long = with_curve(&b"12".repeat(70_000));
    let mut parts = jpeg_parts(&long, 1_000);
    parts.swap(3, 50);
    let twice = parse(&jpeg_with("grey.jpg", &parts)).unwrap();
    let kept = |bytes: &[u8]| jpeg_segments(bytes).into_iter().filter(|segment| segment[1] == 0xE2).collect::<Vec<_>>();
    assert!(kept(&twice) == jpeg_parts(&profile_of("grey.jpg", &twice).unwrap(), 65_519));
    assert!(kept(&twice).len() == 3 && numbers(&long) == numbers(&profile_of("grey.jpg", &twice).unwrap()));
    let mut late = jpeg_segments(&jpeg_with("grey.jpg", &jpeg_parts(&short, 200)[..1]));
    late.insert(late.len() - 1, jpeg_parts(&short, 200)[1].clone());
    assert_eq!(parse(&late.concat()), parse(&picture("grey.jpg")), "the second part follows the pixels");
}

/// A profile with the data of one tag edited.
fn edited(name: &str, signature: &[u8; 4], edit: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let plain = profile(name);
    let mut all = tags(&plain);
    all.iter_mut().filter(|(other, _)| other == signature).for_each(|(_, content)| edit(content));
    with_tags(&plain, &all, b"")
}

fn patched(name: &str, at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut profile = profile(name);
    set(&mut profile, at, bytes);
    profile
}

#[test]
fn a_profile_that_is_not_valid_is_dropped() {
    let plain = profile("sRGB-v4");
    let tagged = |count: usize| {
        let mut all = tags(&plain);
        all.extend((all.len()..count).map(|at| (be(at), b"text\0\0\0\0".to_vec())));
        with_tags(&plain, &all, b"")
    };
    let (max, more) = (tagged(100), tagged(101));
    let stage = |position: usize, at: usize, bytes: &'static [u8]| {
        edited("tables-v4", b"A2B0", move |content| {
            let start = number(content, 12 + 4 * position);
            set(content, start + at, bytes);
        })
    };
    let rgb_table = |at: usize, bytes: &'static [u8]| {
        edited("CGATS001Compat-v2-micro", b"A2B0", move |content| set(content, at, bytes))
    };
    for (why, profile) in [
        ("another signature", patched("sRGB-v4", 36, b"SCSP")),
        ("version 1", patched("sRGB-v4", 8, &[1])),
        ("version 5", patched("sRGB-v4", 8, &[5])),
        ("abstract", patched("sRGB-v4", 12, b"abst")),
        ("named colours", patched("sRGB-v4", 12, b"nmcl")),
        ("unknown colours", patched("sRGB-v4", 16, b"SECR")),
        ("unknown connection space", patched("sRGB-v4", 20, b"SECR")),
        ("another length", patched("sRGB-v4", 0, &be(plain.len() - 4))),
        ("a length beyond its end", patched("sRGB-v4", 0, &be(plain.len() + 1))),
        ("2^32 - 1 tags", patched("sRGB-v4", 128, &[255; 4])),
        ("more tags than bytes", patched("sRGB-v4", 128, &be(30))),
        ("101 tags", more),
        ("a tag beyond the end", patched("sRGB-v4", 136, &be(plain.len()))),
        ("a tag that ends beyond the end", patched("sRGB-v4", 140, &be(plain.len() - 251))),
        ("a tag whose end is beyond 2^32", patched("sRGB-v4", 140, &[255; 4])),
        ("a tag in the header", patched("sRGB-v4", 136, &be(100))),
        ("a tag twice", patched("sRGB-v4", 132, b"cprt")),
        ("nothing but its header", [&be(128)[..], &plain[4..128]].concat()),
        ("no bytes", Vec::new()),
        ("a colour that is too short", edited("sRGB-v4", b"wtpt", |content| content.truncate(19))),
        ("a colour that is a text", edited("sRGB-v4", b"wtpt", |content| set(content, 0, b"text"))),
        ("a colour that is a curve", edited("sRGB-v4", b"wtpt", |content| set(content, 0, b"curv"))),
        ("a curve that is a colour", edited("sRGB-v4", b"rTRC", |content| set(content, 0, b"XYZ "))),
        ("a curve of another function", edited("sRGB-v4", b"rTRC", |content| content[9] = 5)),
        ("a curve that is too short", edited("sRGB-v4", b"rTRC", |content| content[9] = 4)),
        ("a sampled curve that is too short", edited("sRGB-v2-nano", b"rTRC", |content| content[11] += 1)),
        ("a sampled curve of 2^32 - 1 points", edited("sRGB-v2-nano", b"rTRC", |content| set(content, 8, &[255; 4]))),
        ("a matrix that is too short", edited("sRGB-v4", b"chad", |content| content.truncate(40))),
        ("a table that is too short", rgb_table(10, &[100])),
        ("a table of 255^15 points", rgb_table(8, &[15, 15, 255])),
        ("a table with longer curves", rgb_table(48, &[255, 255])),
        ("stages beyond the end", edited("tables-v4", b"A2B0", |content| set(content, 12, &[255; 4]))),
        ("stages of no channel", edited("tables-v4", b"A2B0", |content| content[8] = 0)),
        ("stages of 16 channels", edited("tables-v4", b"A2B0", |content| content[9] = 16)),
        ("a grid of three bytes for a number", stage(3, 16, &[3])),
        ("a grid of 255^3 points", stage(3, 0, &[255; 3])),
        ("a curve in stages that is not a curve", stage(4, 0, b"text")),
        ("more than 4 MiB", with_curve(&[0; 4 << 20])),
    ] {
        for file in ["grey.jpg", "still.gif"] {
            if profile.len() < 60_000 {
                let dropped = parse(&with_profile(file, &profile)).unwrap();
                assert_eq!(Ok(dropped), parse(&picture(file)), "{why}");
            }
        }
        assert_eq!(profile_of("alpha.png", &parse(&with_profile("alpha.png", &profile)).unwrap()), None, "{why}");
        let webp = parse(&with_profile("extended.webp", &profile)).unwrap();
        assert_eq!((profile_of("extended.webp", &webp), webp[20] & 0x20), (None, 0), "{why}");
    }
    for (why, profile) in [
        ("100 tags", max),
        ("three bytes after its end", [&plain[..], b"SEC"].concat()),
        ("almost 4 MiB", with_curve(&vec![0; (4 << 20) - 1000])),
        ("an intent that does not exist", patched("sRGB-v4", 64, b"SECR")),
        ("another illuminant", patched("sRGB-v4", 68, b"SECRETSECRET")),
    ] {
        let webp = parse(&with_profile("extended.webp", &profile)).unwrap();
        assert!(profile_of("extended.webp", &webp).is_some() && !contains_metadata(&webp), "{why}");
    }
}

/// Pseudorandom bytes below `max`.
fn noise(length: usize, max: u8) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0] % max
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn the_profile_of_a_png_does_not_grow() {
    let stored = |profile: &[u8], level| {
        let stream = compress_to_vec_zlib(profile, level);
        let stored = parse(&png_with("alpha.png", b"IDAT", &[icc_chunk("S", &stream)])).unwrap();
        let is_same_stream = stored.windows(stream.len()).any(|window| window == stream);
        (profile_of("alpha.png", &stored), is_same_stream)
    };
    // Level 10 compresses this better than the level that the parser uses.
    let clean = with_curve(&noise(40_000, 3));
    let clean = profile_of("extended.webp", &parse(&with_profile("extended.webp", &clean)).unwrap()).unwrap();
    assert!(compress_to_vec_zlib(&clean, 10).len() < compress_to_vec_zlib(&clean, 4).len());
    assert!(stored(&clean, 10) == (Some(clean.clone()), true), "a clean profile keeps its stream");
    assert!(stored(&clean, 1) == (Some(clean.clone()), false), "any other stream could hide something");
    let mut tagged_profile = clean.clone();
    set(&mut tagged_profile, 80, b"SECR");
    assert!(stored(&tagged_profile, 10).0.is_none_or(|kept| !contains_metadata(&kept)));
    assert!(stored(&tagged_profile, 1) == (Some(clean.clone()), false));
    // A profile with a table from Lab to grey, which doesn't fit and isn't needed to show the picture.
    let head = [b"mft1\0\0\0\0\x03\x01\x21\0".as_slice(), &[0; 36]].concat();
    let table = [head, noise(3 * 256 + 33 * 33 * 33 + 256, 3)].concat();
    let all = [vec![(*b"B2A0", table)], tags(&clean)].concat();
    let (shown, _) = stored(&with_tags(&tagged_profile, &all, b""), 10);
    let shown = shown.unwrap();
    assert!(tag(&shown, b"kTRC") == tag(&clean, b"kTRC") && !contains_metadata(&shown));
    assert_eq!([b"B2A0", b"desc", b"cprt"].map(|signature| tag(&shown, signature).is_some()), [false; 3]);
}

proptest! {
    #![proptest_config(mutants::config())]

    #[test]
    fn any_bytes_as_a_profile_leave_a_valid_picture(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        name in prop::sample::select(PROFILES.to_vec()),
        head in 0..400_usize,
        file in prop::sample::select(PICTURES.to_vec()),
    ) {
        let mut profile = profile(name);
        profile.truncate(head);
        profile.extend(&bytes);
        if profile.len() > 4 {
            let length = be(profile.len());
            set(&mut profile, 0, &length);
        }
        for profile in [&bytes, &profile] {
            mutants::check(&with_profile(file, profile))?;
        }
    }

    #[test]
    fn a_profile_with_random_changes_leaves_a_valid_picture(
        name in prop::sample::select(PROFILES.to_vec()),
        adds_metadata in any::<bool>(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>(), any::<bool>()), 1..4),
        file in prop::sample::select(PICTURES.to_vec()),
    ) {
        let mut profile = if adds_metadata { with_metadata(&profile(name)) } else { profile(name) };
        let head = 132 + 12 * entries(&profile).len() + 12;
        for (at, value, in_head) in changes {
            let length = if in_head { head } else { profile.len() };
            profile[at.index(length)] = value;
        }
        mutants::check(&with_profile(file, &profile))?;
    }
}
