// Names of models and GPUs in addresses: `/models/llama-3.1-8b`, `/gpus/nvidia-h100-80gb-hbm3`. A page finds its own by comparing
// slugs, since a slug can't be turned back into a name.

/** A name's slug: small letters, digits and dots, all else a dash. */
export function slugOf(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9.]+/g, '-').replace(/^-+|-+$/g, '');
}

/** The first of these that goes by this slug, by any of its names; an exact name does, too. */
export function bySlug<T>(all: readonly T[], slug: string, namesOf: (one: T) => readonly (string | null | undefined)[]): T | undefined {
  const wanted = slugOf(slug);
  return all.find((one) => namesOf(one).some((name) => name && slugOf(name) === wanted));
}
