import { describe, expect, it } from 'vitest';
import { actionsOf, retrySteps, stateOf } from './state';

const run = (status: 'pending' | 'running' | 'succeeded' | 'failed' | 'cancelled', more = {}) => ({ status, paused: false, cancel_requested: false, ...more });

describe('the state of a run', () => {
  it('is what somebody asked for while it goes on', () => {
    expect(stateOf(run('running', { paused: true }))).toBe('paused');
    expect(stateOf(run('running', { paused: true, cancel_requested: true }))).toBe('cancelling');
  });

  it('is how it ended once it is over', () => {
    expect(stateOf(run('cancelled', { cancel_requested: true }))).toBe('cancelled');
    expect(stateOf(run('failed', { paused: true }))).toBe('failed');
  });
});

it('only what makes sense is offered', () => {
  expect(actionsOf(run('running'))).toEqual(['pause', 'cancel']);
  expect(actionsOf(run('pending', { paused: true }))).toEqual(['resume', 'cancel']);
  expect(actionsOf(run('running', { cancel_requested: true }))).toEqual([]);
  expect(actionsOf(run('failed'))).toEqual(['retry', 'rerun']);
  expect(actionsOf(run('succeeded'))).toEqual(['rerun']);
});

it('nobody begins again from the teardown', () => {
  expect(retrySteps([{ name: 'provision' }, { name: 'throughput' }, { name: 'teardown' }])).toEqual(['provision', 'throughput']);
});
