use super::run_folder::LogLine;
use crate::learning::{SampleError, Trainer};
pub fn draw(_t: &mut Trainer, _log: &[LogLine]) -> Result<Vec<(String, String)>, SampleError> {
    Ok(Vec::new())
}
