/** One variable of the environment, trimmed; empty counts as absent. The only place that reads `process.env`. */
export function env(name: string): string | undefined {
  const value = process.env[name]?.trim();
  return value === "" ? undefined : value;
}
