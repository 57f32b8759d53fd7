//! Pictures that are too large, and small files that decompress to too much data (contract M1).

use super::forge::*;
use super::{FIXTURES, Fixture, format_of, parse, picture};
use perfil::picture::{DEFAULT_MAX_PIXELS, NotAPicture, Picture, PictureFormat};

/// Pictures with this width and height in their headers.
fn sized(width: u16, height: u16) -> Vec<Upload> {
    let (wide, high) = (u32::from(width), u32::from(height));
    let be = [width.to_be_bytes(), height.to_be_bytes()];
    let le = [width.to_le_bytes(), height.to_le_bytes()].concat();
    let lossless = wide.wrapping_sub(1) & 0x3FFF | (high.wrapping_sub(1) & 0x3FFF) << 14;
    vec![
        ("JPEG", jpeg_edit("grey.jpg", 0xC0, |segment| set(segment, 5, &[be[1], be[0]].concat()))),
        ("PNG", png(wide, high, stream_of(wide, high))),
        ("GIF frame", gif_edit("still.gif", |image| set(image, 5, &le))),
        ("GIF screen", [&picture("still.gif")[..6], &le, &picture("still.gif")[10..]].concat()),
        ("lossy WebP", webp_edit("simple.webp", b"VP8 ", |data| set(data, 6, &le))),
        ("lossless WebP", webp_edit("lossless.webp", b"VP8L", |data| set(data, 1, &lossless.to_le_bytes()))),
    ]
}

/// An 8-bit PNG with alpha whose pixel stream has this length.
fn png(width: u32, height: u32, stream: usize) -> Vec<u8> {
    let sized = |data: &mut Vec<u8>| set(data, 0, &[width.to_be_bytes(), height.to_be_bytes()].concat());
    let mut pieces = png_chunks(&png_edit("alpha.png", b"IHDR", sized));
    for piece in pieces.iter_mut().filter(|piece| piece.get(4..8) == Some(b"IDAT")) {
        *piece = png_chunk(b"IDAT", &zlib(stream));
    }
    assemble(PictureFormat::Png, &pieces)
}

/// Bytes of this length that look like a compressed stream.
fn zlib(length: usize) -> Vec<u8> {
    let mut stream = vec![0; length.max(2)];
    set(&mut stream, 0, &[0x78, 0x9C]);
    stream
}

/// The minimum length of a compressed stream of pixels of four bytes.
fn stream_of(width: u32, height: u32) -> usize {
    usize::try_from(4 * u64::from(width) * u64::from(height) / 1032).unwrap()
}

#[test]
fn the_length_of_a_pixel_stream_must_fit_the_size() {
    let max = |width: usize, height: usize| 4 * width * height * 9 / 8 + 1024 + 128 * height;
    for (width, height) in [(2, 2), (300, 200)] {
        let (wide, high) = (u32::try_from(width).unwrap(), u32::try_from(height).unwrap());
        for (length, is_accepted) in [
            (stream_of(wide, high), true),
            (stream_of(wide, high).saturating_sub(1), stream_of(wide, high) < 3),
            (max(width, height), true),
            (max(width, height) + 1, false),
        ] {
            assert_eq!(parse(&png(wide, high, length)).is_ok(), is_accepted, "{length} bytes for {width} × {height}");
        }
    }
}

#[test]
fn a_side_has_1_to_16384_pixels() {
    let accepted = |width, height| {
        let accepted = sized(width, height).into_iter().filter(|(_, bytes)| parse(bytes).is_ok());
        accepted.map(|(what, _)| what).collect::<Vec<_>>()
    };
    let all = ["JPEG", "PNG", "GIF frame", "GIF screen", "lossy WebP", "lossless WebP"];
    for (width, height) in [(1, 1), (4096, 4096), (16_383, 1), (1, 16_383)] {
        assert_eq!(accepted(width, height), all, "{width} × {height}");
    }
    // WebP has 14 bits for a side. Lossless WebP counts from 1, so 16384 is its largest and 0 is 16384.
    assert_eq!(accepted(16_384, 1), ["JPEG", "PNG", "GIF frame", "GIF screen", "lossless WebP"]);
    for (width, height) in [(16_385, 1), (1, 16_385), (0, 1), (1, 0), (65_535, 1)] {
        assert!(accepted(width, height).iter().all(|what| what.ends_with("WebP")), "{width} × {height}");
    }
}

#[test]
fn a_picture_has_at_most_as_many_pixels_as_the_caller_allows() {
    let is_accepted = |bytes: &[u8], max| Picture::parse(bytes.to_vec(), max).is_ok();
    for (width, height) in [(300, 200), (7071, 7071), (10_000, 5000), (8192, 6104), (16_383, 16_383)] {
        let pixels = u32::from(width) * u32::from(height);
        for (what, bytes) in sized(width, height) {
            assert!(is_accepted(&bytes, pixels) && !is_accepted(&bytes, pixels - 1), "{what} of {width} × {height}");
            assert_eq!(is_accepted(&bytes, DEFAULT_MAX_PIXELS), pixels <= 50_000_000, "{what} of {width} × {height}");
        }
    }
    let moved = gif_edit("still.gif", |image| set(image, 1, &[100, 0, 7, 0]));
    assert!(is_accepted(&moved, 164 * 55) && !is_accepted(&moved, 164 * 55 - 1), "a frame beyond the screen");
    for Fixture(name, ..) in FIXTURES {
        assert!(!is_accepted(&picture(name), 100), "{name}");
    }
}

#[test]
fn bombs_are_refused() {
    let side = 4096_u16.to_le_bytes();
    let gif = |frames: usize| {
        let mut pieces = gif_blocks(&gif_edit("still.gif", |image| set(image, 5, &[side, side].concat())));
        let at = pieces.iter().position(|piece| piece[0] == 0x2C).unwrap();
        let image = pieces[at].clone();
        pieces.splice(at..=at, std::iter::repeat_n(image, frames));
        pieces.concat()
    };
    let scans = |count: usize| {
        let mut pieces = jpeg_segments(&picture("progressive.jpg"));
        let at = pieces.iter().rposition(|piece| piece[1] == 0xDA).unwrap();
        let others = pieces.iter().filter(|piece| piece[1] == 0xDA).count() - 1;
        let scan = pieces[at].clone();
        pieces.splice(at..=at, std::iter::repeat_n(scan, count - others));
        pieces.concat()
    };
    let webp = |frames: usize| {
        let mut pieces =
            webp_chunks(&webp_edit("animated.webp", b"VP8X", |data| set(data, 4, &[255, 15, 0, 255, 15, 0])));
        let lossless = u32::to_le_bytes(4095 | 4095 << 14);
        let drawn = webp_chunk(b"VP8L", &[&[0x2F][..], &lossless, &[0; 5]].concat());
        let frame = [&[0; 6][..], &[255, 15, 0, 255, 15, 0], &[0; 4], &drawn].concat();
        let at = pieces.iter().position(|piece| piece.starts_with(b"ANMF")).unwrap();
        pieces.splice(at..at + 3, std::iter::repeat_n(webp_chunk(b"ANMF", &frame), frames));
        assemble(format_of("animated.webp"), &pieces)
    };
    let apng = |frames: u32| {
        let mut pieces = png_chunks(&png(4096, 4096, stream_of(4096, 4096)));
        let at = pieces.iter().position(|piece| piece.get(4..8) == Some(b"IDAT")).unwrap();
        pieces.insert(at, png_chunk(b"acTL", &[frames.to_be_bytes(), [0; 4]].concat()));
        let end = pieces.pop().unwrap();
        for frame in 0..frames {
            let number = (2 * frame).to_be_bytes();
            let control = [&number[..], &[0, 0, 16, 0, 0, 0, 16, 0], &[0; 14]].concat();
            pieces.push(png_chunk(b"fcTL", &control));
            pieces
                .push(png_chunk(b"fdAT", &[&(2 * frame + 1).to_be_bytes()[..], &zlib(stream_of(4096, 4096))].concat()));
        }
        pieces.push(end);
        pieces.concat()
    };
    for (what, max, more) in [
        ("GIF", gif(16), gif(17)),
        ("WebP", webp(16), webp(17)),
        ("PNG", apng(16), apng(17)),
        ("JPEG scans", scans(100), scans(101)),
    ] {
        assert!(parse(&max).is_ok(), "{what} at the limit is refused");
        assert_eq!(parse(&more), Err(NotAPicture), "{what} beyond the limit");
    }
}
