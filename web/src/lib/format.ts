// Numbers, money and times as people read them. A value that isn't known is a dash, never 0. It must not know pages.

const UNKNOWN = '–';

type Maybe = number | null | undefined;

const known = (value: Maybe): value is number => value !== null && value !== undefined && Number.isFinite(value);

/** A number to about three significant digits, all digits of large ones: `0.0123`, `12.3`, `1,234`. */
export function number(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  const size = Math.abs(value);
  const decimals = size === 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : Math.min(8, 2 - Math.floor(Math.log10(size)));
  return fixed(value, decimals);
}

function fixed(value: number, decimals: number): string {
  const rounded = Number(value.toFixed(decimals)) + 0;
  return rounded.toLocaleString('en-US', { maximumFractionDigits: decimals });
}

/** A whole number with its thousands: `100,000`. */
export function count(value: Maybe): string {
  return known(value) ? fixed(value, 0) : UNKNOWN;
}

/** `1 run`, `1,200 runs`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Milliseconds in the unit that fits: `0.42 ms`, `123 ms`, `1.23 s`, `4 min 10 s`. */
export function durationMs(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  if (Math.abs(value) < 999.5) return `${number(value)} ms`;
  return durationS(value / 1000);
}

/** Seconds: `1.23 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`. */
export function durationS(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  if (value < 0) return `−${durationS(-value)}`;
  if (value < 59.95) return `${number(value)} s`;
  const whole = Math.round(value);
  const parts = ([[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']] as const)
    .map(([size, unit], at, units) => [Math.floor((at === 0 ? whole : whole % units[at - 1]![0]) / size), unit] as const);
  const first = parts.findIndex(([size]) => size > 0);
  return parts.slice(first, first + 2).filter(([size]) => size > 0).map(([size, unit]) => `${size} ${unit}`).join(' ');
}

/** US dollars of the API's decimal text: `$12.50`, `$0.0042`. Text is never made a float on the way to its cents. */
export function usd(value: string | number | null | undefined): string {
  if (value === null || value === undefined || value === '') return UNKNOWN;
  const amount = Number(value);
  if (!Number.isFinite(amount)) return UNKNOWN;
  const sign = amount < 0 ? '−' : '';
  const size = Math.abs(amount);
  // Cents say nothing of a fraction of one.
  const decimals = size === 0 || size >= 0.995 ? 2 : Math.min(8, Math.max(2, 2 - Math.floor(Math.log10(size))));
  return `${sign}$${size.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: decimals })}`;
}

/** A share as percent: 0.123 is `12.3 %`. */
export function percent(share: Maybe): string {
  return known(share) ? `${fixed(share * 100, Math.abs(share) < 0.0995 ? 1 : 0)} %` : UNKNOWN;
}

/** A change with its sign: 0.123 is `+12.3 %`; nothing is `±0 %`. */
export function change(share: Maybe): string {
  if (!known(share)) return UNKNOWN;
  const points = Number((share * 100).toFixed(Math.abs(share) < 0.0995 ? 1 : 0));
  if (points === 0) return '±0 %';
  return `${points > 0 ? '+' : '−'}${Math.abs(points).toLocaleString('en-US')} %`;
}

/** Bytes by 1024: `1.5 GiB`. */
export function bytes(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  return `${number(value / 1024 ** power)} ${units[power]}`;
}

const UNITS = [[31536000, 'year'], [2592000, 'month'], [604800, 'week'], [86400, 'day'], [3600, 'hour'], [60, 'minute']] as const;

/** How long ago, or ahead: `3 days ago`, `in 2 hours`, `just now`. Its title should be `dateTime`. */
export function relativeTime(at: string | Date | null | undefined, now: Date): string {
  const date = parsed(at);
  if (date === null) return UNKNOWN;
  const seconds = (date.getTime() - now.getTime()) / 1000;
  for (const [size, unit] of UNITS) {
    const whole = Math.floor(Math.abs(seconds) / size);
    if (whole >= 1) {
      const words = `${whole} ${unit}${whole === 1 ? '' : 's'}`;
      return seconds < 0 ? `${words} ago` : `in ${words}`;
    }
  }
  return 'just now';
}

function parsed(at: string | Date | null | undefined): Date | null {
  if (at === null || at === undefined || at === '') return null;
  const date = typeof at === 'string' ? new Date(at) : at;
  return Number.isNaN(date.getTime()) ? null : date;
}

/** A moment in UTC: `2026-11-24 19:44 UTC`. */
export function dateTime(at: string | Date | null | undefined): string {
  const date = parsed(at);
  return date === null ? UNKNOWN : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** A day in UTC: `2026-11-24`. */
export function day(at: string | Date | null | undefined): string {
  const date = parsed(at);
  return date === null ? UNKNOWN : date.toISOString().slice(0, 10);
}
