//! How `ohmgrad train` begins or goes on, on one process or several.

use std::path::Path;

use crate::learning::{Checkpoint, CircuitSource, EstimatorConfig, LoadedConfig, Trainer};

use super::Failure;
use super::ranks::Team;
use super::run_folder::RunFolder;
use super::train::Arguments;

/// Says how many processes there are, and how many of them wait for the others.
pub fn team_line(team: &Team, idle: usize) -> String {
    let size = team.size();
    match (size, idle) {
        (1, _) => String::new(),
        (_, 0) => format!("{size} ranks\n"),
        _ => format!(
            "{size} ranks, {idle} of which solve no samples: a batch has too few blocks; `[parallel] blocks` \
             in the training file gives it more, and other bits\n"
        ),
    }
}

/// Every rank must read what the first one reads.
pub fn check_alike(trainer: &Trainer, team: &Team) -> Result<(), Failure> {
    let own = serde_json::to_string(&trainer.checkpoint().fingerprints).unwrap_or_default();
    if team.ask_first(&own) == own {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "error: rank {} reads another training file, deck or data than the first one\n  help: all machines need \
         the same files under the same paths",
        team.rank()
    )))
}

/// A new run; its folder is the first rank's, from which the others read it.
pub fn start(arguments: &Arguments, team: &Team) -> Result<(Trainer, Option<RunFolder>), Failure> {
    if team.is_first() {
        let (trainer, folder) = start_first(arguments)?;
        team.ask_first(&folder.config().to_string_lossy());
        return Ok((trainer, Some(folder)));
    }
    let config = team.ask_first("");
    let loaded = LoadedConfig::read(Path::new(&config))?;
    Ok((Trainer::new(&loaded)?, None))
}

fn start_first(arguments: &Arguments) -> Result<(Trainer, RunFolder), Failure> {
    let mut loaded = match &arguments.config {
        Some(path) => LoadedConfig::read(path)?,
        None => LoadedConfig::built_in()?,
    };
    if let Some(epochs) = arguments.epochs {
        loaded.config.epochs = epochs;
    }
    if let Some(seed) = arguments.seed {
        loaded.config.seed = seed;
    }
    if let Some(folder) = &arguments.data {
        loaded.take_data_from(folder);
    }
    loaded.config.precision = arguments.precision.unwrap_or(loaded.config.precision);
    loaded.config.tolerance = arguments.tolerance.or(loaded.config.tolerance);
    if let Some(name) = &arguments.estimator {
        let kind = name.parse()?;
        let given = loaded.config.estimator;
        loaded.config.estimator = Some(match given {
            Some(given) => EstimatorConfig { kind, ..given },
            None => EstimatorConfig::of(kind),
        });
    }
    if let (Some(beta), Some(estimator)) = (arguments.beta, &mut loaded.config.estimator) {
        estimator.beta = beta;
    }
    loaded.config.validate()?;
    // Faults of the file are found before there is a folder.
    let mut trainer = Trainer::new(&loaded)?;
    let name = arguments.config.as_deref().and_then(Path::file_stem);
    let name = name.map_or("digits".to_string(), |stem| {
        stem.to_string_lossy().into_owned()
    });
    let folder = match &arguments.out {
        Some(path) => RunFolder::create(path)?,
        None => RunFolder::create_new(Path::new("runs"), &name)?,
    };
    folder.check_apart(&loaded, arguments.config.as_deref())?;
    folder.truncate_log(0)?;
    folder.write_config(&loaded)?;
    // From here on as when it is resumed: the bits are those of the folder's own files. What a
    // generator made it makes again.
    let own = LoadedConfig::read(&folder.config())?;
    match own.config.circuit {
        CircuitSource::Deck(_) => trainer = Trainer::new(&own)?,
        _ => trainer.config = own.config,
    }
    folder.write_checkpoint(&trainer.checkpoint())?;
    Ok((trainer, folder))
}

pub fn resume(
    path: &Path,
    epochs: Option<usize>,
    team: &Team,
) -> Result<(Trainer, Option<RunFolder>), Failure> {
    let folder = team.is_first().then(|| RunFolder::open(path)).transpose()?;
    // The first one has seen that there is a run.
    team.ask_all([0.0]);
    let config = RunFolder::config_in(path);
    let place = RunFolder::checkpoint_in(path);
    let mut loaded = LoadedConfig::read(&config)?;
    let checkpoint = Checkpoint::read(&place)?;
    let more = epochs.filter(|&epochs| epochs != loaded.config.epochs);
    loaded.config.epochs = epochs.unwrap_or(loaded.config.epochs);
    let mut trainer = Trainer::new(&loaded)?;
    trainer.restore(checkpoint, &place)?;
    // All have read before anything is written.
    team.ask_all([0.0]);
    if let Some(folder) = &folder {
        if more.is_some() {
            // The next resume asks for as many.
            folder.write("config.toml", &loaded.config.to_toml()?)?;
        }
        folder.truncate_log(trainer.epoch)?;
    }
    Ok((trainer, folder))
}
