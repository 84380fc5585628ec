import { describe, expect, it } from 'vitest';
import { noAnswer } from '../api/problem';
import { applies, complaints, newRun, ratesOf, requestOf } from './new-run';

const form = (more: Record<string, string>) => newRun.decode(new URLSearchParams(more));

describe('the request of a form', () => {
  it('has what was typed where the API wants it, and leaves the rest to the server', () => {
    const typed = form({ 'engine.kind': 'sglang', 'model.id': 'Llama 3.1 8B', 'machine.gpu_id': 'NVIDIA H200', 'machine.gpu_count': '2', 'load.rates': '1-3, 8', max_usd: '2.5' });
    expect(requestOf(typed)).toEqual({
      engine: { kind: 'sglang' }, model: { id: 'Llama 3.1 8B' }, machine: { provider: 'runpod', gpu_id: 'NVIDIA H200', gpu_count: 2 },
      load: { rates: [1, 2, 3, 8] }, max_usd: 2.5,
    });
  });

  it('has nothing that means nothing where the run is to be', () => {
    const typed = form({ 'machine.provider': 'endpoint', 'machine.url': 'http://a', 'machine.container_disk_in_gb': '50', max_usd: '2' });
    expect(requestOf(typed)).toMatchObject({ machine: { provider: 'endpoint', url: 'http://a' } });
    expect(requestOf(typed)).not.toHaveProperty('max_usd');
    expect(requestOf(typed).machine).not.toHaveProperty('container_disk_in_gb');
  });

  it('asks for the most an hour only where the machine is picked', () => {
    expect(applies('machine.max_usd_per_hour', form({ 'machine.gpu_id': 'auto' }))).toBe(true);
    expect(applies('machine.max_usd_per_hour', form({ 'machine.gpu_id': 'NVIDIA H200' }))).toBe(false);
  });

  it('sends what is no number as it is, so that the server says so', () => {
    expect(ratesOf('1, two')).toEqual([1, 'two']);
  });
});

it('complaints find their fields, also of one of several rates, and others are kept', () => {
  const errors = [{ field: 'machine.gpu_id', message: 'unknown' }, { field: 'load.rates.1', message: 'at least 1' }, { field: 'model.path', message: 'no' }];
  const { of, rest } = complaints({ ...noAnswer(), errors });
  expect(of).toEqual({ 'machine.gpu_id': 'unknown', 'load.rates': 'at least 1' });
  expect(rest).toEqual([errors[2]]);
});
