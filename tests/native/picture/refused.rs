//! Uploads that are not pictures, or are invalid pictures (contract M1).

use super::forge::*;
use super::{FIXTURES, Fixture, format_of, parse, picture};
use perfil::picture::NotAPicture;

#[track_caller]
fn all_are_refused(uploads: Vec<Upload>) {
    for (why, bytes) in uploads {
        assert!(parse(&bytes) == Err(NotAPicture), "{why} is accepted");
    }
}

#[test]
fn files_in_other_formats_are_refused() {
    let svg = b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
    let others: [(&str, &[u8]); 17] = [
        ("nothing", b""),
        ("SVG", svg),
        ("HTML", b"<!doctype html><script>alert(1)</script>"),
        ("PDF", b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n1 0 obj"),
        ("BMP", b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0"),
        ("TIFF", b"II*\0\x08\0\0\0\0\0\0\0\0\0"),
        ("AVIF", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"),
        ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
        ("JPEG XL", b"\xFF\x0A\0\0\0\0"),
        ("icon", b"\0\0\x01\0\x01\0\x10\x10\0\0"),
        ("sound", b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0"),
        ("archive", b"PK\x03\x04\x14\0\0\0\0\0"),
        ("script that begins as GIF", b"GIF89a=1;alert(1)//;"),
        ("script that begins as GIF, with a screen", b"GIF89a/*\0\x01\0\0\0\0*/=1;alert(1);"),
        ("magic of JPEG", b"\xFF\xD8\xFF"),
        ("magic of PNG", b"\x89PNG\r\n\x1a\n"),
        ("magic of WebP", b"RIFF\x04\0\0\0WEBP"),
    ];
    all_are_refused(others.map(|(why, bytes)| (why, bytes.to_vec())).to_vec());
    for Fixture(name, ..) in FIXTURES {
        assert_eq!(parse(&[b"<!--", &picture(name)[..]].concat()), Err(NotAPicture), "{name} after other bytes");
    }
}

#[test]
fn a_png_with_any_wrong_bit_in_a_needed_chunk_is_refused() {
    for name in ["palette.png", "deep.png", "animated.png"] {
        let pieces = png_chunks(&picture(name));
        for (at, piece) in pieces.iter().enumerate().skip(1) {
            if !matches!(&piece[4..8], b"IHDR" | b"PLTE" | b"IDAT" | b"IEND" | b"acTL" | b"fcTL" | b"fdAT") {
                continue;
            }
            for byte in (0..piece.len()).filter(|byte| *byte < 40 || byte % 31 == 0 || byte + 6 > piece.len()) {
                let mut pieces = pieces.clone();
                pieces[at][byte] ^= 1 << (byte % 8);
                assert_eq!(parse(&pieces.concat()), Err(NotAPicture), "{name}, chunk {at}, byte {byte}");
            }
        }
    }
}

#[test]
fn broken_pngs_are_refused() {
    let with = |chunk: Vec<u8>| png_with("alpha.png", b"IDAT", &[chunk]);
    let header = |at: usize, value: u8| png_edit("alpha.png", b"IHDR", |data| data[at] = value);
    let without = |name: &str, kind: &[u8; 4]| {
        png_chunks(&picture(name))
            .into_iter()
            .filter(|piece| piece.get(4..8) != Some(kind))
            .collect::<Vec<_>>()
            .concat()
    };
    let mut huge = png_chunk(b"teXt", b"");
    huge[0] = 0x80;
    let split = [png_chunk(b"IDAT", b"x"), png_chunk(b"teXt", b"")];
    let control = |at: usize, value: u8| png_edit("animated.png", b"fcTL", |data| data[at] = value);
    all_are_refused(vec![
        ("unknown critical chunk", with(png_chunk(b"SECR", b""))),
        ("chunk type that isn't four letters", with(png_chunk(b"te1t", b""))),
        ("chunk of 2 GiB", with(huge)),
        ("second header", png_with("alpha.png", b"IDAT", &png_chunks(&picture("alpha.png"))[1..2])),
        ("chunk before the header", png_with("alpha.png", b"IHDR", &[png_chunk(b"tIME", b"1234567")])),
        ("depth 3", header(8, 3)),
        ("colour type 1", header(9, 1)),
        ("palette of 16 bits", png_edit("palette.png", b"IHDR", |data| data[8] = 16)),
        ("compression 1", header(10, 1)),
        ("filter 1", header(11, 1)),
        ("interlace 2", header(12, 2)),
        ("short header", png_edit("alpha.png", b"IHDR", |data| data.truncate(12))),
        ("no pixels", without("alpha.png", b"IDAT")),
        ("pixels of no bytes", png_edit("alpha.png", b"IDAT", Vec::clear)),
        ("pixels that aren't deflated", png_edit("alpha.png", b"IDAT", |data| data[0] = 0x79)),
        ("pixels with a preset dictionary", png_edit("alpha.png", b"IDAT", |data| set(data, 0, &[0x78, 0xBB]))),
        ("pixels in two runs", png_with("alpha.png", b"IDAT", &split)),
        ("missing palette", without("palette.png", b"PLTE")),
        ("palette of 257 colours", png_edit("palette.png", b"PLTE", |data| data.resize(771, 0))),
        ("palette of 4 bytes", png_edit("palette.png", b"PLTE", |data| data.truncate(4))),
        ("palette for grey", png_edit("palette.png", b"IHDR", |data| data[9] = 0)),
        ("second palette", png_with("alpha.png", b"IDAT", &[png_chunk(b"PLTE", b"123"), png_chunk(b"PLTE", b"123")])),
        ("end chunk with data", png_edit("alpha.png", b"IEND", |data| data.push(0))),
        ("no end", without("alpha.png", b"IEND")),
        ("frames without a control", without("animated.png", b"acTL")),
        ("a frame too few", png_edit("animated.png", b"acTL", |data| data[3] += 1)),
        ("no frames", png_edit("animated.png", b"acTL", |data| data[3] = 0)),
        ("frames out of order", control(3, 9)),
        ("frame outside the canvas", control(15, 200)),
        ("frame of no width", control(7, 0)),
        ("frame with an unknown disposal", control(24, 3)),
        ("frame with an unknown blend operation", control(25, 2)),
        ("frame without data", without("animated.png", b"fdAT")),
        ("frame with nothing but a sequence number", png_edit("animated.png", b"fdAT", |data| data.truncate(4))),
        ("second control", png_with("animated.png", b"IDAT", &[png_chunk(b"acTL", &[0, 0, 0, 3, 0, 0, 0, 0])])),
        ("frame data in a still", png_with("alpha.png", b"IEND", &[png_chunk(b"fdAT", &[0, 0, 0, 0, 1])])),
    ]);
}

#[test]
fn broken_jpegs_are_refused() {
    let with = |segment: Vec<u8>| jpeg_with("grey.jpg", &[segment]);
    let edit = |code: u8, at: usize, value: u8| jpeg_edit("phone.jpg", code, |segment| segment[at] = value);
    let without = |code: u8| {
        let pieces = jpeg_segments(&picture("grey.jpg"));
        pieces.into_iter().filter(|piece| piece[1] != code).collect::<Vec<_>>().concat()
    };
    let other_frame = |code: u8| jpeg_edit("grey.jpg", 0xC0, |segment| segment[1] = code);
    let twice = |code: u8| {
        let pieces = jpeg_segments(&picture("grey.jpg"));
        let doubled = pieces.iter().flat_map(|p| std::iter::repeat_n(p.clone(), 1 + usize::from(p[1] == code)));
        doubled.collect::<Vec<_>>().concat()
    };
    let data = |bytes: &'static [u8]| jpeg_edit("grey.jpg", 0xDA, |segment| segment.extend(bytes));
    all_are_refused(vec![
        ("lossless coding", other_frame(0xC3)),
        ("hierarchical coding", other_frame(0xC5)),
        ("arithmetic coding", other_frame(0xC9)),
        ("two frames", twice(0xC0)),
        ("two scans of one component", twice(0xDA)),
        ("second start", with(b"\xFF\xD8".to_vec())),
        ("standalone marker", with(b"\xFF\x01".to_vec())),
        ("reserved marker", with(jpeg_segment(0xF7, b"SECRET"))),
        ("arithmetic conditioning", with(jpeg_segment(0xCC, &[0, 0]))),
        ("number of lines", with(jpeg_segment(0xDC, &[0, 1]))),
        ("bytes after the start", with(b"SECRET".to_vec())),
        ("segment of one byte", with(b"\xFF\xFE\0\x01".to_vec())),
        ("restart interval of three bytes", with(jpeg_segment(0xDD, &[0, 0, 0]))),
        ("12 bits", edit(0xC0, 4, 12)),
        ("two components", edit(0xC0, 9, 2)),
        ("component twice", edit(0xC0, 13, 1)),
        ("sampling of 5", edit(0xC0, 11, 0x51)),
        ("sampling of 0", edit(0xC0, 11, 0x10)),
        ("more blocks than a unit holds", edit(0xC0, 11, 0x43)),
        ("undefined quantization table 3", edit(0xC0, 12, 3)),
        ("undefined Huffman table 3", edit(0xDA, 6, 0x30)),
        ("undefined component", edit(0xDA, 5, 9)),
        ("scan of no component", edit(0xDA, 4, 0)),
        ("half a band", edit(0xDA, 12, 20)),
        ("no frame", without(0xC0)),
        ("no scan", without(0xDA)),
        ("no quantization table", without(0xDB)),
        ("no Huffman table, as in motion JPEG", without(0xC4)),
        ("no end", without(0xD9)),
        ("quantization table of 9 bytes", with(jpeg_segment(0xDB, &[0; 9]))),
        ("no table at all", with(jpeg_segment(0xDB, &[]))),
        ("Huffman table with more codes than there can be", with(jpeg_segment(0xC4, &[0x10, 3, 0, 0, 0, 0, 0]))),
        ("Huffman table without its symbols", with(jpeg_segment(0xC4, &[[0x10].as_slice(), &[1; 16]].concat()))),
        ("restart marker without restarts", data(b"\xFF\xD0abc")),
        ("scan that is empty", jpeg_edit("grey.jpg", 0xDA, |segment| segment.truncate(10))),
    ]);
    let pieces = jpeg_segments(&picture("restarts.jpg"));
    let mut jumbled = pieces.concat();
    let at = jumbled.windows(2).position(|pair| pair == b"\xFF\xD2").unwrap();
    jumbled[at + 1] = 0xD4;
    all_are_refused(vec![("restart markers out of order", jumbled)]);
}

#[test]
fn broken_gifs_are_refused() {
    let with = |block: &[u8]| gif_with("still.gif", &[block.to_vec()]);
    let edit = |edit: &dyn Fn(&mut Vec<u8>)| gif_edit("still.gif", edit);
    let still = gif_blocks(&picture("still.gif"));
    let without = |first: u8| still.iter().filter(|b| b[0] != first).cloned().collect::<Vec<_>>().concat();
    let mut colourless = still.clone();
    colourless[0].truncate(13);
    colourless[0][10] = 0;
    all_are_refused(vec![
        ("unknown block", with(b"SECRET")),
        ("graphic control of five bytes", with(b"\x21\xF9\x05\0\0\0\0\0\0")),
        ("graphic control without its end", with(b"\x21\xF9\x04\0\0\0\0\x01")),
        ("no image", without(0x2C)),
        ("no trailer", without(0x3B)),
        ("no colours", colourless.concat()),
        ("frame beyond 16384 pixels", edit(&|image| set(image, 1, &16_380_u16.to_le_bytes()))),
        ("code size 1", edit(&|image| image[10] = 1)),
        ("code size 9", edit(&|image| image[10] = 9)),
        (
            "frame without data",
            edit(&|image| {
                image.truncate(11);
                image.push(0);
            }),
        ),
    ]);
}

#[test]
fn broken_webps_are_refused() {
    let lossy = |at: usize, value: u8| webp_edit("simple.webp", b"VP8 ", |data| data[at] = value);
    let frame = |at: usize, value: u8| webp_edit("animated.webp", b"ANMF", |data| data[at] = value);
    let header = |name: &str, at: usize, value: u8| webp_edit(name, b"VP8X", |data| data[at] = value);
    let still = webp_chunks(&picture("alpha.webp"));
    let order = |order: &[usize]| {
        let pieces: Vec<_> = order.iter().map(|at| still[*at].clone()).collect();
        assemble(format_of("alpha.webp"), &pieces)
    };
    let mut odd = picture("simple.webp");
    odd[4] ^= 1;
    all_are_refused(vec![
        ("odd length", odd),
        ("no picture", order(&[0, 1])),
        ("no picture but its transparency", order(&[0, 1, 2])),
        ("picture before its transparency", order(&[0, 1, 3, 2])),
        ("two pictures", order(&[0, 1, 2, 3, 3])),
        ("two planes of transparency", order(&[0, 1, 2, 2, 3])),
        ("two headers", order(&[0, 1, 1, 2, 3])),
        ("transparency without a header", order(&[0, 2, 3])),
        ("header of another length", webp_edit("alpha.webp", b"VP8X", |data| data.extend([0, 0]))),
        ("canvas of another width", header("alpha.webp", 4, 9)),
        ("canvas of 65,536 pixels", header("alpha.webp", 5, 255)),
        ("still marked as animated", header("alpha.webp", 0, 2)),
        ("animation marked as a still", header("animated.webp", 0, 0x18)),
        ("delta frame", lossy(0, picture("simple.webp")[20] | 1)),
        ("version 4", lossy(0, picture("simple.webp")[20] | 8)),
        ("frame that isn't shown", lossy(0, picture("simple.webp")[20] & !16)),
        ("wrong start code", lossy(3, 0)),
        ("first partition longer than the whole", lossy(2, 255)),
        ("lossless of version 1", webp_edit("lossless.webp", b"VP8L", |data| data[4] |= 0x20)),
        ("lossless with a wrong start", webp_edit("lossless.webp", b"VP8L", |data| data[0] = 0)),
        ("transparency by another method", webp_edit("alpha.webp", b"ALPH", |data| data[0] |= 2)),
        ("frame outside the canvas", frame(0, 200)),
        ("frame of another width", frame(6, 20)),
        ("frame without a picture", webp_edit("animated.webp", b"ANMF", |data| data.truncate(16))),
        ("frame without a header", webp_edit("animated.webp", b"ANMF", |data| data.truncate(14))),
        ("frame with half a chunk", webp_edit("animated.webp", b"ANMF", |data| data.extend(b"EXIF"))),
        ("frames before the parameters", {
            let mut pieces = webp_chunks(&picture("animated.webp"));
            pieces.swap(2, 3);
            assemble(format_of("animated.webp"), &pieces)
        }),
        ("parameters of another length", webp_edit("animated.webp", b"ANIM", |data| data.extend([0, 0]))),
    ]);
}

/// A progressive JPEG in which the last header byte of some scans is replaced. That byte specifies the bits of a scan.
fn with_bits(is_meant: impl Fn(u8) -> bool, bits: u8) -> Vec<u8> {
    jpeg_edit("progressive.jpg", 0xDA, |segment| {
        let end = 2 + usize::from(segment[3]);
        if is_meant(segment[end - 3]) {
            segment[end - 1] = bits;
        }
    })
}

#[test]
fn scans_and_tables_that_no_decoder_can_follow_are_refused() {
    let table = |class: u8, lengths: [u8; 3], symbols: &[u8]| {
        let counts = [&[lengths[0]][..], &[0; 13], &lengths[1..]].concat();
        jpeg_with("grey.jpg", &[jpeg_segment(0xC4, &[&[class], &counts[..], symbols].concat())])
    };
    assert!(parse(&table(0x10, [0, 1, 255], &[0; 256])).is_ok() && parse(&table(0, [1, 0, 0], &[15])).is_ok());
    all_are_refused(vec![
        ("table of 257 codes", table(0x10, [0, 2, 255], &[0; 257])),
        ("mean value of 16 bits", table(0, [1, 0, 0], &[16])),
        ("scan that leaves 14 bits", with_bits(|start| start > 0, 0x0E)),
        ("scan that skips a bit", with_bits(|start| start > 0, 0x31)),
        ("refinement of missing coefficients", with_bits(|_| true, 0x10)),
        ("transparency as bytes, but not one for each pixel", webp_edit("alpha.webp", b"ALPH", |data| data[0] &= !3)),
    ]);
}

#[test]
fn frames_that_are_out_of_step_are_refused() {
    let control = |number: u8, wide: u8| {
        png_chunk(b"fcTL", &[&[0, 0, 0, number, 0, 0, 0, wide, 0, 0, 0, 48], &[0; 14][..]].concat())
    };
    let data = |number: u8, data: &[u8]| png_chunk(b"fdAT", &[&[0, 0, 0, number], data].concat());
    let animated = |before: &[Vec<u8>], frames: u8, after: &[Vec<u8>]| {
        let mut pieces = png_chunks(&picture("alpha.png"));
        let end = pieces.len() - 1;
        pieces.splice(end..end, after.iter().cloned());
        let start = pieces.iter().position(|piece| piece.get(4..8) == Some(b"IDAT")).unwrap();
        let acts = png_chunk(b"acTL", &[0, 0, 0, frames, 0, 0, 0, 0]);
        pieces.splice(start..start, [&[acts], before].concat());
        pieces.concat()
    };
    let z = &[0x78, 0x9C, 1][..];
    assert!(parse(&animated(&[control(0, 64)], 2, &[control(1, 9), data(2, z)])).is_ok());
    assert!(parse(&animated(&[], 1, &[control(0, 9), data(1, &z[..1]), data(2, &z[1..])])).is_ok());
    all_are_refused(vec![
        ("data before its frame", animated(&[], 1, &[data(0, z), control(1, 9), data(2, z)])),
        ("data of no bytes after other data", animated(&[], 1, &[control(0, 9), data(1, z), data(2, &[])])),
        ("first frame smaller than the canvas", animated(&[control(0, 9)], 1, &[])),
        ("two frames for the same pixels", animated(&[control(0, 64), control(1, 64)], 2, &[])),
        ("frame whose data isn't deflated", {
            animated(&[], 2, &[control(0, 9), data(1, b"xx"), control(2, 9), data(3, z)])
        }),
        ("control after the pixels", png_with("alpha.png", b"IEND", &[png_chunk(b"acTL", &[0, 0, 0, 1, 0, 0, 0, 0])])),
        ("second count", png_with("animated.png", b"fcTL", &[png_chunk(b"acTL", &[0, 0, 0, 3, 0, 0, 0, 0])])),
    ]);
}
