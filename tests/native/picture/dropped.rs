//! Removal of what a picture doesn't need, and preservation of what it needs (contract M2).

use super::forge::*;
use super::{contains_secret, parse, picture};
use miniz_oxide::deflate::compress_to_vec_zlib;

/// Asserts that these uploads are stored as the plain fixture is, without what was added to it.
#[track_caller]
fn all_are_stored_as(name: &str, uploads: Vec<Upload>) {
    let plain = parse(&picture(name));
    for (why, bytes) in uploads {
        let parsed = parse(&bytes);
        assert!(parsed.is_ok(), "{why} is refused");
        assert!(parsed == plain, "{why} is stored differently");
    }
}

/// A colour profile, taken from a fixture.
fn srgb() -> Vec<u8> {
    let part = jpeg_segments(&picture("phone.jpg")).into_iter().find(|s| s[1] == 0xE2).unwrap();
    part[18..].to_vec()
}

#[test]
fn unneeded_png_chunks_are_dropped() {
    let with = |chunk: Vec<u8>| png_with("alpha.png", b"IDAT", &[chunk]);
    let after = |chunk: Vec<u8>| png_with("alpha.png", b"IEND", &[chunk]);
    let mut broken = png_chunk(b"gAMA", &45455_u32.to_be_bytes());
    broken[8] ^= 1;
    let profile = |name: &[u8], method: u8, profile: &[u8]| {
        with(png_chunk(b"iCCP", &[name, &[0, method], &compress_to_vec_zlib(profile, 9)].concat()))
    };
    let srgb = srgb();
    let mut bomb = srgb.clone();
    bomb.resize((4 << 20) + 4, 0);
    let length = u32::try_from(bomb.len()).unwrap().to_be_bytes();
    bomb[..4].copy_from_slice(&length);
    let mut trailed = [b"name\0\0", &compress_to_vec_zlib(&srgb, 9)[..]].concat();
    trailed.extend(b"SECRET");
    all_are_stored_as(
        "alpha.png",
        vec![
            ("text", with(png_chunk(b"tEXt", b"Author\0SECRET"))),
            ("text after the pixels", after(png_chunk(b"tEXt", b"Author\0SECRET"))),
            ("invalid Exif", with(png_chunk(b"eXIf", b"II*\0SECRET"))),
            (
                "Exif with an offset out of bounds",
                with(png_chunk(b"eXIf", b"MM\0\x2a\xff\xff\xff\xf0SECRETSECRETSECRET")),
            ),
            ("provenance", with(png_chunk(b"caBX", b"SECRET"))),
            ("histogram", with(png_chunk(b"hIST", b"SECRET"))),
            ("gamma with a wrong checksum", with(broken)),
            ("gamma of five bytes", with(png_chunk(b"gAMA", b"\0\0\0\x01S"))),
            ("gamma after the pixels", after(png_chunk(b"gAMA", &45455_u32.to_be_bytes()))),
            ("rendering intent 4", with(png_chunk(b"sRGB", &[4]))),
            ("transparency in a picture with an alpha channel", with(png_chunk(b"tRNS", &[0; 6]))),
            ("profile that is not a profile", profile(b"name", 0, b"SECRETSECRETSECRETSECRETSECRETSECRETSECRETSECRET")),
            ("profile that inflates to more than 4 MiB", profile(b"name", 0, &bomb)),
            ("profile with another length", profile(b"name", 0, &srgb[..srgb.len() - 8])),
            ("profile with trailing bytes", with(png_chunk(b"iCCP", &trailed))),
            ("profile without a name", profile(b"", 0, &srgb)),
            ("profile with a name of 80 letters", profile(&[b'a'; 80], 0, &srgb)),
            ("profile after a broken one", {
                let good = png_chunk(b"iCCP", &[b"name\0\0", &compress_to_vec_zlib(&srgb, 9)[..]].concat());
                png_with("alpha.png", b"IDAT", &[png_chunk(b"iCCP", b"SECRET"), good])
            }),
            ("profile with another compression method", profile(b"name", 1, &srgb)),
        ],
    );
    assert!(parse(&profile(b"name", 0, &srgb)).unwrap().windows(4).any(|kind| kind == b"iCCP"));
}

#[test]
fn png_chunks_that_decoders_need_are_kept_once_and_in_place() {
    let chunks = [
        png_chunk(b"cICP", &[1, 13, 0, 1]),
        png_chunk(b"mDCV", &[1; 24]),
        png_chunk(b"cLLI", &[1; 8]),
        png_chunk(b"gAMA", &45455_u32.to_be_bytes()),
        png_chunk(b"cHRM", &[1; 32]),
        png_chunk(b"sRGB", &[0]),
        png_chunk(b"sBIT", &[8; 4]),
        png_chunk(b"bKGD", &[0; 6]),
        png_chunk(b"pHYs", &[0, 0, 11, 19, 0, 0, 11, 19, 1]),
    ];
    let once = png_with("alpha.png", b"IDAT", &chunks);
    let twice = png_with("alpha.png", b"IDAT", &[&chunks[..], &chunks].concat());
    let stripped = parse(&once).unwrap();
    for chunk in &chunks {
        assert!(stripped.windows(chunk.len()).any(|window| window == chunk), "{:?} was dropped", &chunk[4..8]);
    }
    assert_eq!(parse(&twice), Ok(stripped));
}

#[test]
fn unneeded_jpeg_segments_are_dropped() {
    let with = |segment: Vec<u8>| jpeg_with("grey.jpg", &[segment]);
    let before_end = |segment: Vec<u8>| {
        let mut pieces = jpeg_segments(&picture("grey.jpg"));
        pieces.insert(pieces.len() - 1, segment);
        pieces.concat()
    };
    let part =
        |number: u8, of: u8, data: &[u8]| jpeg_segment(0xE2, &[b"ICC_PROFILE\0", &[number, of][..], data].concat());
    let srgb = srgb();
    let parts = |numbers: &[(u8, u8)]| {
        let halves = numbers.iter().map(|(n, of)| part(*n, *of, if *n == 1 { &srgb[..1000] } else { &srgb[1000..] }));
        jpeg_with("grey.jpg", &halves.collect::<Vec<_>>())
    };
    let thumb = [b"JFIF\0\x01\x01\0\0\x48\0\x48\x02\x01".as_slice(), b"SECRET"].concat();
    all_are_stored_as(
        "grey.jpg",
        vec![
            ("comment", with(jpeg_segment(0xFE, b"SECRET"))),
            ("comment after the pixels", before_end(jpeg_segment(0xFE, b"SECRET"))),
            ("profile after the pixels", before_end(part(1, 1, &srgb))),
            ("XMP", with(jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0SECRET"))),
            ("invalid Exif", with(jpeg_segment(0xE1, b"Exif\0\0SECRET"))),
            ("Exif with an offset out of bounds", with(jpeg_segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"))),
            ("Photoshop", with(jpeg_segment(0xED, b"Photoshop 3.0\0SECRET"))),
            ("provenance", with(jpeg_segment(0xEB, b"JP\0\0SECRET"))),
            ("further pictures", with(jpeg_segment(0xE2, b"MPF\0SECRET"))),
            ("thumbnail", with(jpeg_segment(0xE0, b"JFXX\0\x10SECRET"))),
            ("fill bytes", with(b"\xFF\xFF\xFF".to_vec())),
            (
                "bytes after a segment that is too short",
                with([jpeg_segment(0xFE, b"x"), b"SECRET\xFF\0".to_vec()].concat()),
            ),
            ("bytes after the pixels", before_end([jpeg_segment(0xFE, b"x"), b"SECRET".to_vec()].concat())),
            ("profile that is not a profile", with(part(1, 1, b"SECRET"))),
            ("profile without its second part", parts(&[(1, 2)])),
            ("profile with a part twice", parts(&[(1, 2), (1, 2), (2, 2)])),
            ("profile with part 0", parts(&[(0, 1)])),
            ("profile whose parts disagree", parts(&[(1, 2), (2, 3)])),
        ],
    );
    let (in_order, turned) = (parse(&parts(&[(1, 2), (2, 2)])).unwrap(), parse(&parts(&[(2, 2), (1, 2)])).unwrap());
    assert_eq!(Ok(&in_order), parse(&with(part(1, 1, &srgb))).as_ref());
    assert_eq!(turned, in_order);
    let stray = [part(1, 2, &srgb[..1000]), b"SECRET".to_vec(), part(2, 2, &srgb[1000..])];
    assert_eq!(parse(&jpeg_with("grey.jpg", &stray)).unwrap(), in_order);
    let jfif = parse(&with(jpeg_segment(0xE0, &thumb))).unwrap();
    assert!(!contains_secret(&jfif) && jfif[2..].starts_with(b"\xFF\xE0\0\x10JFIF\0\x01\x01\0\0\x48\0\x48\0\0"));
    let adobe = parse(&with(jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0\0SECRET"))).unwrap();
    assert!(!contains_secret(&adobe) && adobe[2..].starts_with(b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0\0\xFF"));
}

#[test]
fn only_the_first_exif_counts() {
    let exif = |value: u8| {
        let tiff =
            b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0_\0\0\0\0\0\0\0".map(|b| if b == b'_' { value } else { b });
        jpeg_segment(0xE1, &[b"Exif\0\0".as_slice(), &tiff].concat())
    };
    let plain = parse(&picture("grey.jpg"));
    assert_eq!(parse(&jpeg_with("grey.jpg", &[exif(1), exif(6)])), plain);
    assert_eq!(parse(&jpeg_with("grey.jpg", &[exif(9)])), plain);
    let turned = parse(&jpeg_with("grey.jpg", &[exif(6)]));
    assert_ne!(turned, plain);
    assert_eq!(parse(&jpeg_with("grey.jpg", &[exif(6), exif(8)])), turned);
}

#[test]
fn unneeded_gif_blocks_are_dropped() {
    let with = |block: &[u8]| gif_with("still.gif", &[block.to_vec()]);
    let text = b"\x21\x01\x0C\0\0\0\0\0\0\0\0\0\0\0\0\x06SECRET\0";
    let control = b"\x21\xF9\x04\0SEC\0";
    all_are_stored_as(
        "still.gif",
        vec![
            ("comment", with(b"\x21\xFE\x06SECRET\0")),
            ("text with its graphic control", with(&[control.as_slice(), text].concat())),
            ("application", with(b"\x21\xFF\x0BXMP DataXMP\x06SECRET\0")),
            ("unknown block", with(b"\x21\x99\x06SECRET\0")),
            ("loop that is too short", with(b"\x21\xFF\x0BNETSCAPE2.0\x02\x01\0\0")),
            ("superfluous terminator", with(b"\0")),
            ("buffer of a loop", with(b"\x21\xFF\x0BNETSCAPE2.0\x05\x02\0\0\0\0\0")),
            ("application with a name of 10 letters", with(b"\x21\xFF\x0ANETSCAPE2.\x03\x01\0\0\0")),
            ("profile that is not a profile", with(b"\x21\xFF\x0BICCRGBG1012\x06SECRET\0")),
            ("graphic control without an image", {
                let mut pieces = gif_blocks(&picture("still.gif"));
                pieces.insert(pieces.len() - 1, control.to_vec());
                pieces.concat()
            }),
        ],
    );
    let loops = b"\x21\xFF\x0BNETSCAPE2.0\x03\x01\x05\0\0";
    let once = with(loops);
    assert_eq!(parse(&once).unwrap().len(), parse(&picture("still.gif")).unwrap().len() + loops.len());
    assert_eq!(parse(&with(&loops.repeat(3))), parse(&once));
    let and_buffer = b"\x21\xFF\x0BNETSCAPE2.0\x03\x01\x05\0\x05\x02\0\0\x10\0\x06SECRET\0";
    assert_eq!(parse(&with(and_buffer)), parse(&once));
    let blocks = srgb().chunks(255).flat_map(|b| [&[u8::try_from(b.len()).unwrap()], b].concat()).collect::<Vec<_>>();
    let profile = [b"\x21\xFF\x0BICCRGBG1012".as_slice(), &blocks, &[0]].concat();
    let stored = parse(&with(&profile)).unwrap();
    assert!(stored.windows(14).any(|window| window == &profile[..14]));
    assert_eq!(parse(&with(&profile.repeat(2))), Ok(stored));
}

#[test]
fn unneeded_webp_chunks_are_dropped() {
    let secret = webp_chunk(b"SECR", b"SECRET!");
    for name in ["simple.webp", "lossless.webp", "alpha.webp", "animated.webp"] {
        let late = [secret.clone(), webp_chunk(b"XMP ", b"SECRET"), webp_chunk(b"ICCP", &srgb())];
        all_are_stored_as(name, vec![("chunks at the end", webp_with(name, &late))]);
    }
    let smuggle = |data: &mut Vec<u8>| data.extend(&secret);
    all_are_stored_as("animated.webp", vec![("chunk in a frame", webp_edit("animated.webp", b"ANMF", smuggle))]);
    let reserved = |data: &mut Vec<u8>| {
        data[0] |= 0xC1;
        set(data, 1, &[1, 2, 3]);
    };
    all_are_stored_as("alpha.webp", vec![("reserved bits", webp_edit("alpha.webp", b"VP8X", reserved))]);
    let flags = |name: &str| parse(&picture(name)).unwrap()[20];
    assert_eq!(["lossy.webp", "alpha.webp", "animated.webp"].map(flags), [0x28, 0x10, 0x1A]);
}

#[test]
fn webp_exif_may_have_the_prefix_of_jpeg() {
    let plain = picture("lossy.webp");
    let prefixed = webp_edit("lossy.webp", b"EXIF", |data| *data = [b"Exif\0\0", &data[..]].concat());
    assert_eq!(parse(&prefixed), parse(&plain));
}

/// Exif that contains only the orientation.
fn tiff(orientation: u8) -> Vec<u8> {
    let block = *b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0_\0\0\0\0\0\0\0";
    block.map(|b| if b == b'_' { orientation } else { b }).to_vec()
}

#[test]
fn exif_that_is_late_truncated_or_of_another_type_is_dropped() {
    let segment = |tiff: &[u8]| jpeg_segment(0xE1, &[b"Exif\0\0", tiff].concat());
    let mut late = jpeg_segments(&picture("grey.jpg"));
    late.insert(late.len() - 1, segment(&tiff(6)));
    let mut long = tiff(6);
    long[12] = 4;
    all_are_stored_as(
        "grey.jpg",
        vec![
            ("Exif after the pixels", late.concat()),
            ("Exif without its last four bytes", jpeg_with("grey.jpg", &[segment(&tiff(6)[..22])])),
            ("orientation of 32 bits", jpeg_with("grey.jpg", &[segment(&long)])),
            ("profile with trailing bytes", {
                let profile = [b"ICC_PROFILE\0\x01\x01", &srgb()[..], b"SECRET\0\0"].concat();
                jpeg_with("grey.jpg", &[jpeg_segment(0xE2, &profile)])
            }),
        ],
    );
    let twice = [png_chunk(b"eXIf", &tiff(1)), png_chunk(b"eXIf", &tiff(6))];
    all_are_stored_as("alpha.png", vec![("second Exif", png_with("alpha.png", b"IDAT", &twice))]);
    all_are_stored_as("lossy.webp", vec![("second Exif", webp_with("lossy.webp", &[webp_chunk(b"EXIF", &tiff(3))]))]);
}

#[test]
fn misplaced_parts_are_dropped() {
    all_are_stored_as(
        "palette.png",
        vec![
            ("intent after the palette", png_with("palette.png", b"IDAT", &[png_chunk(b"sRGB", &[0])])),
            ("background before the palette", png_with("palette.png", b"PLTE", &[png_chunk(b"bKGD", &[0])])),
        ],
    );
    let mut pieces = webp_chunks(&picture("lossy.webp"));
    pieces.insert(2, pieces[2].clone());
    all_are_stored_as("lossy.webp", vec![("second profile", assemble(perfil::domain::PictureFormat::Webp, &pieces))]);
    let mut plain = gif_blocks(&picture("still.gif"));
    plain.retain(|block| !block.starts_with(b"\x21\xF9"));
    let text = b"\x21\xF9\x04\0SEC\0\x21\x01\x0C\0\0\0\0\0\0\0\0\0\0\0\0\x06SECRET\0".to_vec();
    let with_text = [&plain[..1], &[text], &plain[1..]].concat();
    assert_eq!(
        parse(&with_text.concat()),
        parse(&plain.concat()),
        "the graphic control of a text must not apply to the image"
    );
}

#[test]
fn the_padding_byte_of_a_webp_chunk_is_zero() {
    let odd = |length: usize| length % 2 == 1;
    let padded =
        webp_edit("lossless.webp", b"VP8L", |data| data.resize(data.len() + 1 + usize::from(odd(data.len())), 0));
    let mut altered = padded.clone();
    *altered.last_mut().unwrap() = b'S';
    assert_ne!(altered, padded);
    assert_eq!(parse(&altered), parse(&padded));
    let scaled = webp_edit("simple.webp", b"VP8 ", |data| data[7] |= 0x40);
    assert_eq!(parse(&scaled).as_ref(), Ok(&scaled), "the scale is kept, because decoders ignore it");
}
