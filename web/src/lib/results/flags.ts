// What a level's flags mean, in a sentence each: what a reader must know before trusting the figures. The words are those of
// docs/methodology.md in short.

const FLAGS: Record<string, string> = {
  low_n: 'Fewer than 10 requests completed inside the window.',
  shared_host: 'Engine and client shared one machine and competed for it.',
  client_bottleneck: 'The client sent late: the figures are partly its own.',
  usage_missing: 'An answer completed without the engine’s token counts.',
  prefix_cache_hit: 'The engine took more of a prompt from its cache than the begin-of-text token.',
  short_output: 'An answer had fewer tokens than its request asked for.',
  prompt_length_off: 'A prompt wasn’t as long as it was built to be.',
  count_mismatch: 'The client’s counts and the engine’s own are more than 1 % apart.',
  engine_slots: 'The engine serves fewer requests at once than were sent: the rest queue.',
  chunks_coalesced: 'More than 5 % of the arrivals were several events: a single gap isn’t the engine’s.',
};

/** `low n`: a flag as words. */
export function flagName(code: string): string {
  return code.replaceAll('_', ' ');
}

export function flagMeaning(code: string): string {
  return FLAGS[code] ?? 'A newer version of the instrument raised this flag.';
}
