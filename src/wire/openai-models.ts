/** Behind whatever path a router put before the name. */
const gpt = /(?:^|\/)gpt-(\d+)(?:\.(\d+))?/;
const newer = /(?:^|\/)(?:o\d|gpt-[5-9])/;

/** Whether a model is of the families that know only the newer names (`max_completion_tokens`). */
export function needsNewerNames(model: string): boolean {
  return newer.test(model);
}

/** Whether a model of OpenAI's thinks before it answers. */
export function thinks(model: string): boolean {
  return newer.test(model) && !model.includes("-chat");
}

/** Whether a model takes `prompt_cache_breakpoint`: GPT-5.6 and later. */
export function takesBreakpoints(model: string): boolean {
  const [, major, minor = "0"] = gpt.exec(model) ?? [];
  return major !== undefined && (Number(major) > 5 || (Number(major) === 5 && Number(minor) >= 6));
}
