import { describe, expect, it } from 'vitest';
import { cronInWords } from './cron';

describe('a cron expression', () => {
  it.each([
    ['7 * * * *', 'every hour at :07'],
    ['*/15 * * * *', 'every 15 minutes'],
    ['* * * * *', 'every minute'],
    ['30 2 * * *', 'every day at 02:30'],
    ['0 3 * * 1-5', 'on weekdays at 03:00'],
    ['0 3 * * 7', 'every Sunday at 03:00'],
    ['15 4 1 * *', 'on day 1 of every month at 04:15'],
  ])('%s is %s', (cron, words) => expect(cronInWords(cron)).toBe(words));

  it.each(['0 0 1 1 *', '0 9-17 * * *', '0 0 13 * 5', 'not one'])('%s stays as it is', (cron) => expect(cronInWords(cron)).toBeNull());
});
