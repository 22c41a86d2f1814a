//! What ranks have found of a batch, brought to all of them.

use std::ops::Range;

use crate::parallel::{Channel, Mail, Ranks, gather_words};

use super::engine::{BLOCK, Evaluation, SampleError, Worker};
use super::loss::{SampleLoss, WORDS};

/// Losses and outputs of samples, of which each rank has some, and the steps of all.
#[derive(Debug, Default)]
pub(super) struct Results {
    mail: Mail<f64>,
    counts: Vec<usize>,
}

impl Results {
    /// Sends those of this rank to all.
    pub(super) fn post(
        &mut self,
        ranks: &dyn Ranks,
        samples: &[Range<usize>],
        (results, outputs, steps): (&[Option<SampleLoss>], &[f64], usize),
    ) {
        let width = outputs.len() / results.len().max(1);
        let mail = &mut self.mail;
        mail.clear();
        mail.send.push(steps as f64);
        for sample in samples[ranks.rank()].clone() {
            let words = SampleLoss::to_words(results[sample].as_ref());
            mail.send.extend(words);
            mail.send
                .extend_from_slice(&outputs[sample * width..][..width]);
        }
        let length = |samples: &Range<usize>| 1 + samples.len() * (WORDS + width);
        self.counts.clear();
        self.counts.extend(samples.iter().map(length));
        mail.post(ranks, Channel::Results, &self.counts);
    }

    /// Takes those of all; returns their steps.
    pub(super) fn take(
        &mut self,
        ranks: &dyn Ranks,
        samples: &[Range<usize>],
        (results, outputs): (&mut [Option<SampleLoss>], &mut [f64]),
    ) -> usize {
        let width = outputs.len() / results.len().max(1);
        self.mail.take(ranks, Channel::Results, &self.counts);
        let mut steps = 0.0;
        let mut received = self.mail.received.as_slice();
        for (own, &count) in samples.iter().zip(&self.counts) {
            let (part, rest) = received.split_at(count);
            received = rest;
            steps += part[0];
            let records = part[1..].chunks_exact(WORDS + width);
            for (sample, record) in own.clone().zip(records) {
                let (words, values) = record.split_at(WORDS);
                results[sample] = SampleLoss::from_words(words);
                outputs[sample * width..][..width].copy_from_slice(values);
            }
        }
        steps as usize
    }
}

/// Fails on all ranks if one has failed.
pub(super) fn agree(
    ranks: &dyn Ranks,
    outcome: Result<(), SampleError>,
) -> Result<(), SampleError> {
    let failed = gather_words(ranks, &[f64::from(u8::from(outcome.is_err()))]);
    outcome?;
    match failed.iter().position(|&failed| failed > 0.0) {
        Some(rank) => Err(SampleError::Elsewhere { rank }),
        None => Ok(()),
    }
}

/// Brings what the workers of each rank have found to all; a worker has a block of samples, of which there
/// are so many in all.
pub(super) fn gather_workers(
    ranks: &dyn Ranks,
    of_ranks: &[Range<usize>],
    workers: &mut [Worker],
    samples: usize,
) {
    const HEAD: usize = 4;
    let me = ranks.rank();
    let Some(worker) = workers.first() else {
        return;
    };
    let width = worker.outputs.len();
    // A worker that has not run does not know how many derivatives there are.
    let own = workers[of_ranks[me].clone()].first();
    let length = own.map_or(0, |worker| worker.gradient.len());
    let lengths = gather_words(ranks, &[length as f64]);
    let gradient = lengths.into_iter().fold(0.0, f64::max) as usize;
    let members = |block: usize| BLOCK.min(samples - block * BLOCK);
    let size = |block: usize| HEAD + gradient + members(block) * (1 + width);
    let mut mail = Mail::default();
    for worker in &workers[of_ranks[me].clone()] {
        let found = &worker.evaluation;
        let classes = f64::from(u8::from(found.predicted_classes));
        let head = [found.loss, found.accuracy, found.iterations as f64, classes];
        mail.send.extend(head);
        mail.send.extend_from_slice(&worker.gradient);
        let class = |class: &Option<usize>| class.map_or(-1.0, |class| class as f64);
        mail.send.extend(found.predicted.iter().map(class));
        mail.send.extend_from_slice(&found.outputs);
    }
    let count = |own: &Range<usize>| own.clone().map(size).sum();
    let counts: Vec<usize> = of_ranks.iter().map(count).collect();
    mail.all_gather(ranks, &counts);
    let mut received = mail.received.as_slice();
    for (block, worker) in workers.iter_mut().enumerate() {
        let (record, rest) = received.split_at(size(block));
        received = rest;
        let (head, rest) = record.split_at(HEAD);
        let (derivatives, rest) = rest.split_at(gradient);
        let (classes, outputs) = rest.split_at(members(block));
        worker.gradient.clear();
        worker.gradient.extend_from_slice(derivatives);
        let class = |&class: &f64| (class >= 0.0).then_some(class as usize);
        worker.evaluation = Evaluation {
            samples: members(block),
            loss: head[0],
            accuracy: head[1],
            iterations: head[2] as usize,
            predicted_classes: head[3] > 0.0,
            predicted: classes.iter().map(class).collect(),
            outputs: outputs.to_vec(),
        };
    }
}
