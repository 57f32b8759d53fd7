//! Splits colour profiles into tags and reassembles them, and embeds them in pictures.

use super::forge::*;
use super::{decode, format_of};
use miniz_oxide::deflate::compress_to_vec_zlib;
use perfil::picture::PictureFormat;

/// The signature of a tag, and its data.
pub type Tag = ([u8; 4], Vec<u8>);

/// The tags that are kept, in order.
pub const KEPT: &str =
    "desc cprt wtpt bkpt chad rXYZ gXYZ bXYZ rTRC gTRC bTRC kTRC A2B0 A2B1 A2B2 cicp B2A0 B2A1 B2A2 gamt";

pub fn profile(name: &str) -> Vec<u8> {
    std::fs::read(crate::project("tests/fixtures/pictures/profiles").join(name).with_extension("icc")).unwrap()
}

pub fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(*bytes[at..].first_chunk().unwrap()).try_into().unwrap()
}

pub fn be(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap().to_be_bytes()
}

/// Returns the entries of a profile's tag table: signature, start, length.
pub fn entries(profile: &[u8]) -> Vec<([u8; 4], usize, usize)> {
    let entry = |at: usize| (*profile[at..].first_chunk().unwrap(), number(profile, at + 4), number(profile, at + 8));
    (0..number(profile, 128)).map(|at| entry(132 + 12 * at)).collect()
}

/// Builds a profile with these tags and with `between` before and after the data of each. Equal data is shared.
pub fn with_tags(header: &[u8], tags: &[Tag], between: &[u8]) -> Vec<u8> {
    let start = 132 + 12 * tags.len();
    let (mut table, mut data, mut places) = (Vec::new(), between.to_vec(), Vec::<(Vec<u8>, usize)>::new());
    for (signature, content) in tags {
        let known = places.iter().find(|(other, _)| other == content).map(|(_, place)| *place);
        let place = known.unwrap_or_else(|| {
            data.resize(data.len().next_multiple_of(4), b'S');
            places.push((content.clone(), start + data.len()));
            data.extend(content.iter().chain(between));
            places.last().unwrap().1
        });
        table.extend([*signature, be(place), be(content.len())].as_flattened());
    }
    data.resize(data.len().next_multiple_of(4), b'S');
    [&be(start + data.len()), &header[4..128], &be(tags.len()), &table, &data].concat()
}

pub fn tags(profile: &[u8]) -> Vec<Tag> {
    entries(profile).into_iter().map(|(signature, at, length)| (signature, profile[at..at + length].to_vec())).collect()
}

pub fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// A text as in version 4.
pub fn unicode(text: &str) -> Vec<u8> {
    let text = wide(text);
    [b"mluc\0\0\0\0\0\0\0\x01\0\0\0\x0CesES", &be(text.len())[..], &be(28), &text].concat()
}

/// A description as in version 2, in its three encodings.
pub fn description(text: &str) -> Vec<u8> {
    let (ascii, mut mac) = ([text.as_bytes(), b"\0"].concat(), [text.as_bytes(), b"\0"].concat());
    mac.resize(67, 0);
    let utf16 = wide(&format!("{text}\0"));
    let (short, long) = (be(ascii.len()), be(utf16.len() / 2));
    [b"desc\0\0\0\0", &short[..], &ascii, b"enUS", &long, &utf16, b"\0\0\x43", &mac].concat()
}

/// The profile with everything added that programs write into profiles, all of it with the word SECRET.
pub fn with_metadata(profile: &[u8]) -> Vec<u8> {
    let mut header = profile[..128].to_vec();
    for (at, text) in [(4, "SECR"), (24, "SECRETSECRET"), (40, "SECR"), (80, "SECR"), (84, "SECRETSECRETSECR")] {
        set(&mut header, at, text.as_bytes());
    }
    set(&mut header, 44, b"SECRETSECRETSECRETSE");
    set(&mut header, 100, b"SECRETSECRETSECRETSECRETSECR");
    let is_old = header[8] < 4;
    let name = |text: &str| if is_old { description(text) } else { unicode(text) };
    let mut all = tags(profile);
    all.retain(|(signature, _)| ![*b"desc", *b"cprt"].contains(signature));
    // Every type has four unused bytes, and a table of 8 or 16 bits has one more. Bytes may follow the numbers.
    for (_, content) in &mut all {
        set(content, 4, b"SECR");
        if content.starts_with(b"mft") {
            content[11] = b'S';
        }
        if content.starts_with(b"mAB ") || content.starts_with(b"mBA ") {
            set(content, 10, b"SE");
        }
        content.extend(b"SECRET");
    }
    let copyright =
        if is_old { b"text\0\0\0\0SECRET, secret@example.com, 20.67N 103.35W\0".to_vec() } else { name("SECRET") };
    all.extend([
        (*b"desc", name("SECRET Mar\u{ed}a's Studio Display")),
        (*b"cprt", copyright),
        (*b"dmnd", name("SECRET maker")),
        (*b"dmdd", name("SECRET model")),
        (*b"mmod", b"mmod\0\0\0\0\0\0SECRET serial number".to_vec()),
        (*b"meta", [b"dict\0\0\0\0", &wide("SECRET")[..]].concat()),
        (*b"vcgt", b"vcgtSECRET".to_vec()),
        (*b"targ", b"text\0\0\0\0SECRET\0".to_vec()),
        (*b"lumi", b"XYZ \0\0\0\0SECRETSECRET".to_vec()),
        (*b"SECR", b"SECRETSECRET".to_vec()),
    ]);
    with_tags(&header, &all, b"SECRET")
}

pub fn tag(profile: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
    tags(profile).into_iter().find(|(other, _)| other == signature).map(|(_, content)| content)
}

pub fn contains_metadata(bytes: &[u8]) -> bool {
    let (wide, name) = (wide("SECRET"), wide("Mar\u{ed}a"));
    [b"SECR", &wide[..], &name, b"Mar\xC3\xADa"].iter().any(|text| bytes.windows(text.len()).any(|part| part == *text))
}

/// The picture with this profile, embedded as programs do it.
pub fn with_profile(name: &str, profile: &[u8]) -> Vec<u8> {
    match format_of(name) {
        PictureFormat::Jpeg => jpeg_with(name, &jpeg_parts(profile, 65_519)),
        PictureFormat::Png => png_with(name, b"IDAT", &[icc_chunk("SECRET", &compress_to_vec_zlib(profile, 9))]),
        PictureFormat::Gif => gif_with(name, &[gif_block(profile)]),
        PictureFormat::Webp => {
            let announced = webp_edit(name, b"VP8X", |data| data[0] |= 0x20);
            let mut pieces = webp_chunks(&announced);
            pieces.insert(2, webp_chunk(b"ICCP", profile));
            assemble(PictureFormat::Webp, &pieces)
        }
    }
}

pub fn jpeg_parts(profile: &[u8], max: usize) -> Vec<Vec<u8>> {
    let count = u8::try_from(profile.chunks(max).len()).unwrap();
    let part = |(number, part)| jpeg_segment(0xE2, &[b"ICC_PROFILE\0", &[number, count][..], part].concat());
    (1..=count).zip(profile.chunks(max)).map(part).collect()
}

pub fn icc_chunk(name: &str, stream: &[u8]) -> Vec<u8> {
    png_chunk(b"iCCP", &[name.as_bytes(), b"\0\0", stream].concat())
}

pub fn gif_block(profile: &[u8]) -> Vec<u8> {
    let blocks = profile.chunks(255).flat_map(|block| [&[u8::try_from(block.len()).unwrap()], block].concat());
    [b"\x21\xFF\x0BICCRGBG1012".to_vec(), blocks.collect(), vec![0]].concat()
}

/// Extracts the profile of a picture. For GIF, this doesn't use `image`, which reads no profiles from GIFs.
pub fn profile_of(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    if format_of(name) != PictureFormat::Gif {
        return decode(format_of(name), bytes).profile;
    }
    let block = gif_blocks(bytes).into_iter().find(|block| block.starts_with(b"\x21\xFF\x0BICCRGBG1012"))?;
    let (mut rest, mut profile) = (&block[14..], Vec::new());
    while let Some((&length, after)) = rest.split_first() {
        profile.extend(&after[..length.into()]);
        rest = &after[length.into()..];
    }
    Some(profile)
}

/// Returns the parts of a multi-stage conversion, in the order of their offsets in its head.
pub fn stages(element: &[u8]) -> Vec<Option<&[u8]>> {
    let offsets: Vec<usize> = (0..5).map(|at| number(element, 12 + 4 * at)).collect();
    let end = |start| offsets.iter().copied().filter(|other| *other > start).min().unwrap_or(element.len());
    offsets.iter().map(|start| (*start > 0).then(|| &element[*start..end(*start)])).collect()
}

/// Whether two profiles have the same numbers. Some writers leave unrelated bytes after a table.
pub fn have_same_numbers(before: &[u8], after: &[u8]) -> bool {
    let (before, after) = (numbers(before), numbers(after));
    let is_same = |(one, other): (&Tag, &Tag)| {
        one.0 == other.0 && one.1.starts_with(&other.1) && one.1.len() < other.1.len() + 12
    };
    before.len() == after.len() && before.iter().zip(&after).all(is_same)
}

/// Returns the numbers of a profile, without its texts.
pub fn numbers(profile: &[u8]) -> Vec<Tag> {
    let kept: Vec<&[u8]> = KEPT.split(' ').skip(2).map(str::as_bytes).collect();
    let mut all = tags(profile);
    all.retain(|(signature, _)| kept.contains(&&signature[..]));
    all.sort_by_key(|(signature, _)| kept.iter().position(|other| other == signature));
    let in_order = |(signature, content): Tag| {
        let content = match &content[..4] {
            b"mAB " | b"mBA " => stages(&content).into_iter().flatten().collect::<Vec<_>>().concat(),
            _ => content,
        };
        (signature, content)
    };
    all.into_iter().map(in_order).collect()
}
