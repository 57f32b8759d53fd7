use crate::picture::icc;
use miniz_oxide::{
    DataFormat, MZFlush, MZStatus, StreamResult,
    deflate::{core::CompressorOxide, stream::deflate},
    inflate::stream::{InflateState, inflate},
};

/// Maximum length of a colour profile's name (section 11.3.2.3).
const MAX_NAME: usize = 79;

/// Compression level, from 0 to 10. For profiles, level 9 saves less than one in a hundred bytes, but can take ten
/// seconds for 4 MiB that were crafted for that.
const LEVEL: u8 = 4;

/// Returns the type and data of a chunk with a colour profile, without the parts that colours do not need. The name and
/// the profile are replaced. The profile is compressed again, because a compressed stream can hide bytes. Returns
/// `None` if there is no valid profile, or if the data takes more than `room` bytes.
///
/// Another program may have compressed the profile better. If the new stream does not fit, a profile that was already
/// clean keeps its original stream, and any other is shortened as far as possible.
pub(super) fn clean(data: &[u8], room: usize) -> Option<Vec<u8>> {
    let end = data.iter().take(MAX_NAME + 1).position(|b| *b == 0).filter(|end| *end > 0)?;
    let (name, rest) = data.split_at_checked(end)?;
    let [0, 0, stream @ ..] = rest else { return None };
    let is_latin = name.iter().all(|b| matches!(b, 0x20..=0x7E | 0xA1..=0xFF));
    let profile = is_latin.then(|| inflated(stream))??;
    let cleaned = icc::clean(&profile)?;
    let head = [b"iCCP", icc::NAME, &[0, 0]].concat();
    // `room` is for the data only, but `head` includes the chunk's type.
    let room = room.checked_add(4)?.checked_sub(head.len())?;
    let stream = match deflated(&cleaned, room) {
        Some(stream) => stream,
        None if cleaned == profile => stream.to_vec(),
        None => deflated(&icc::shorten(&profile)?, room)?,
    };
    Some([head, stream].concat())
}

/// Inflates a profile piece by piece, to make sure that it is not a decompression bomb and that nothing follows it.
fn inflated(stream: &[u8]) -> Option<Vec<u8>> {
    let mut state = InflateState::new_boxed(DataFormat::Zlib);
    collect(stream, icc::MAX_LENGTH, |input, piece| inflate(&mut state, input, piece, MZFlush::None))
}

fn deflated(profile: &[u8], room: usize) -> Option<Vec<u8>> {
    let mut state = Box::<CompressorOxide>::default();
    state.set_format_and_level(DataFormat::Zlib, LEVEL);
    collect(profile, room, |input, piece| deflate(&mut state, input, piece, MZFlush::Finish))
}

/// Passes all of the input through `convert`. Returns `None` if that fails or produces more than `max` bytes.
fn collect(mut input: &[u8], max: usize, mut convert: impl FnMut(&[u8], &mut [u8]) -> StreamResult) -> Option<Vec<u8>> {
    let (mut output, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let StreamResult { bytes_consumed, bytes_written, status } = convert(input, &mut piece);
        input = input.get(bytes_consumed..)?;
        output.extend_from_slice(piece.get(..bytes_written)?);
        match status.ok()? {
            _ if output.len() > max => return None,
            MZStatus::StreamEnd => return input.is_empty().then_some(output),
            MZStatus::Ok if bytes_written > 0 => {}
            _ => return None,
        }
    }
}
