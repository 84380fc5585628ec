// Arrow keys reach every point and never leave the chart.
import { describe, expect, it } from 'vitest';
import { step, type Place } from './walk';

const all = [[1, 2, 3], [], [1.9, 7]];

describe('a walk', () => {
  it('begins at the first point, whatever key was pressed', () => {
    expect(step(null, 'ArrowDown', all)).toEqual({ series: 0, index: 0 });
    expect(step(null, 'ArrowRight', [[], []])).toBeNull();
  });
  it('stops at both ends', () => {
    expect(step({ series: 0, index: 0 }, 'ArrowLeft', all)).toEqual({ series: 0, index: 0 });
    expect(step({ series: 0, index: 2 }, 'ArrowRight', all)).toEqual({ series: 0, index: 2 });
    expect(step({ series: 0, index: 1 }, 'End', all)).toEqual({ series: 0, index: 2 });
    expect(step({ series: 0, index: 1 }, 'Home', all)).toEqual({ series: 0, index: 0 });
  });
  it('changes to the nearest point of the next series that has any, and round to the first', () => {
    expect(step({ series: 0, index: 2 }, 'ArrowDown', all)).toEqual({ series: 2, index: 0 });
    expect(step({ series: 2, index: 1 }, 'ArrowDown', all)).toEqual({ series: 0, index: 2 });
    expect(step({ series: 0, index: 0 }, 'ArrowUp', all)).toEqual({ series: 2, index: 0 });
  });
  it('finds its way back when its series was switched off', () => {
    expect(step({ series: 1, index: 5 }, 'ArrowRight', all)).toEqual({ series: 0, index: 0 });
  });
  it('reaches every point', () => {
    const seen = new Set<string>();
    for (let at: Place | null = step(null, 'Home', all), turn = 0; at && turn < 2; turn += 1) {
      for (let index = 0; index < 4 && at; index += 1) {
        seen.add(`${at.series}:${at.index}`);
        at = step(at, 'ArrowRight', all);
      }
      at = at && step(step(at, 'Home', all), 'ArrowDown', all);
      at = at && step(at, 'Home', all);
    }
    expect([...seen].sort()).toEqual(['0:0', '0:1', '0:2', '2:0', '2:1']);
  });
});
