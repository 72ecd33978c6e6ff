// A client behind the face of tests/e2e/face.py: a JSON object per line is asked, a JSON object per line is answered.
import { createInterface } from 'node:readline';

export class Refused extends Error {
  constructor(code, message, data) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

async function answer(calls, line) {
  const { id, call, arguments: told } = JSON.parse(line);
  let answered;
  try {
    answered = { result: (await calls[call](told)) ?? null };
  } catch (error) {
    answered = { error: { code: Number(error.code) || 0, message: `${error.message}`, data: error.data ?? null } };
  }
  process.stdout.write(JSON.stringify({ id, ...answered }) + '\n');
}

export function serve(calls) {
  createInterface({ input: process.stdin }).on('line', (line) => answer(calls, line));
}

export const WELL_KNOWN = '/.well-known/agent-card.json';
