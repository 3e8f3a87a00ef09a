/** What one part says of itself. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** For a person: why it is not, or what it is. */
  readonly message: string;
}

/** Whether the gateway can serve; it can when every check is well. */
export interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly Check[];
}

export type CheckPart = () => Promise<Check>;

const PATIENCE_MS = 3000;

/** Asks all parts at once; one that throws or does not answer in time is not well. */
export async function readiness(parts: readonly CheckPart[], patienceMs = PATIENCE_MS): Promise<Readiness> {
  const checks = await Promise.all(parts.map((part) => answerOf(part, patienceMs)));
  return { ready: checks.every((check) => check.ok), checks };
}

async function answerOf(part: CheckPart, patienceMs: number): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Check>((resolve) => {
    const message = `did not answer within ${patienceMs} ms`;
    timer = setTimeout(() => resolve({ name: part.name, ok: false, message }), patienceMs);
  });
  try {
    return await Promise.race([part(), late]);
  } catch (error) {
    return { name: part.name, ok: false, message: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}
