// Cron expressions in words, for those that are common; others stay as they are, since a wrong sentence is worse than none.

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const two = (value: string) => value.padStart(2, '0');
const isNumber = (field: string) => /^\d+$/.test(field);

/** `30 2 * * *` is `every day at 02:30`; null: not one that has words here. */
export function cronInWords(cron: string): string | null {
  const fields = cron.trim().split(/\s+/);
  if (fields.length !== 5) return null;
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields as [string, string, string, string, string];
  if (month !== '*') return null;
  const every = /^\*\/(\d+)$/.exec(minute)?.[1];
  if (hour === '*' && dayOfMonth === '*' && dayOfWeek === '*') {
    if (minute === '*') return 'every minute';
    if (every !== undefined) return `every ${every} minutes`;
    return isNumber(minute) ? `every hour at :${two(minute)}` : null;
  }
  if (!isNumber(minute) || !isNumber(hour)) return null;
  const time = `at ${two(hour)}:${two(minute)}`;
  if (dayOfMonth === '*' && dayOfWeek === '*') return `every day ${time}`;
  if (dayOfMonth === '*' && dayOfWeek === '1-5') return `on weekdays ${time}`;
  if (dayOfMonth === '*' && isNumber(dayOfWeek)) return `every ${DAYS[Number(dayOfWeek) % 7]} ${time}`;
  if (dayOfWeek === '*' && isNumber(dayOfMonth)) return `on day ${dayOfMonth} of every month ${time}`;
  return null;
}
