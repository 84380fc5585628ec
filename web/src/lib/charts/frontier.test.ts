// The front holds what no other point beats, in whatever direction is good.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frontLine, paretoFront } from './frontier';

const points = [{ x: 1, y: 9 }, { x: 5, y: 5 }, { x: 4, y: 4 }, { x: 9, y: 1 }, { x: 5, y: 5 }];

describe('the front', () => {
  it('leaves out what is beaten in both, and keeps equals together', () => {
    expect(paretoFront(points)).toEqual([true, true, false, true, true]);
  });
  it('turns with the direction that is good', () => {
    expect(paretoFront([{ x: 1, y: 3 }, { x: 2, y: 2 }, { x: 2, y: 4 }], true, false)).toEqual([false, true, false]);
  });
  it('is a line by ascending x', () => {
    expect(frontLine(points).map(({ x }) => x)).toEqual([1, 5, 5, 9]);
  });
  it('is what comparing every pair says', () => {
    const point = fc.record({ x: fc.integer({ min: 0, max: 6 }), y: fc.integer({ min: 0, max: 6 }) });
    fc.assert(
      fc.property(fc.array(point, { maxLength: 14 }), fc.boolean(), (all, yMore) => {
        const better = (a: number, b: number) => (yMore ? a > b : a < b);
        const beaten = all.map((one) =>
          all.some((other) =>
            other.x >= one.x && !better(one.y, other.y) && (other.x > one.x || better(other.y, one.y))),
        );
        expect(paretoFront(all, true, yMore)).toEqual(beaten.map((is) => !is));
      }),
    );
  });
});
