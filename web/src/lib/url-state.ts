// State in the URL and nowhere else: a codec from search parameters to values and back. Only what differs from the default is
// written, so links stay short; what it doesn't know it leaves alone. It must not know pages.

/** One value of the URL. `null` from `read` means: not usable, so the default holds. */
export interface Field<T> {
  initial: T;
  read(texts: string[]): T | null;
  /** The texts to write; none for a value that is the default. */
  write(value: T): string[];
}

export type Fields = Record<string, Field<unknown>>;
export type State<F extends Fields> = { [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** A text; empty is the default. */
export function text(): Field<string> {
  return { initial: '', read: (texts) => texts[0] ?? null, write: (value) => (value === '' ? [] : [value]) };
}

/** Several texts, without repetition, in the order of the URL. */
export function list(): Field<string[]> {
  const clean = (texts: string[]) => [...new Set(texts.filter((one) => one !== ''))];
  return { initial: [], read: clean, write: clean };
}

/** A number, or null for none. */
export function number(): Field<number | null> {
  return {
    initial: null,
    read: (texts) => (texts[0] === undefined || texts[0].trim() === '' ? null : finite(Number(texts[0]))),
    write: (value) => (value === null ? [] : [String(value)]),
  };
}

function finite(value: number): number | null {
  // -0 is written as 0, so it is read as 0.
  return Number.isFinite(value) ? value + 0 : null;
}

/** A yes or no. */
export function flag(initial = false): Field<boolean> {
  return {
    initial,
    read: ([first]) => (first === 'true' ? true : first === 'false' ? false : null),
    write: (value) => (value === initial ? [] : [String(value)]),
  };
}

/** One of a few words. */
export function oneOf<const W extends string>(words: readonly W[], initial: NoInfer<W>): Field<W> {
  return {
    initial,
    read: ([first]) => words.find((word) => word === first) ?? null,
    write: (value) => (value === initial ? [] : [value]),
  };
}

export interface Codec<F extends Fields> {
  initial: () => State<F>;
  decode: (params: URLSearchParams) => State<F>;
  /** The parameters of a state; those of `beside` that aren't this codec's are kept. */
  encode: (state: State<F>, beside?: URLSearchParams) => URLSearchParams;
}

/** A codec of named fields; `prefix` keeps two on one page apart. */
export function codec<F extends Fields>(fields: F, prefix = ''): Codec<F> {
  const names = Object.keys(fields) as (keyof F & string)[];
  const decode = (params: URLSearchParams) => {
    const pairs = names.map((name) => {
      const field = fields[name] as Field<unknown>;
      const texts = params.getAll(prefix + name);
      const value = texts.length === 0 ? null : field.read(texts);
      return [name, value ?? copy(field.initial)];
    });
    return Object.fromEntries(pairs) as State<F>;
  };
  return {
    initial: () => decode(new URLSearchParams()),
    decode,
    encode(state, beside) {
      const params = new URLSearchParams(beside);
      for (const name of names) {
        params.delete(prefix + name);
        for (const one of (fields[name] as Field<unknown>).write(state[name])) params.append(prefix + name, one);
      }
      return params;
    },
  };
}

function copy<T>(value: T): T {
  return Array.isArray(value) ? ([...value] as T) : value;
}

/** `path?a=b`, without a lone question mark. */
export function href(path: string, params: URLSearchParams): string {
  const query = params.toString();
  return query === '' ? path : `${path}?${query}`;
}
