import { AppError } from '../../../shared/errors.ts';
import { readSecretFile } from '../../../shared/node/secret-file.ts';

/**
 * From the file, or typed at the terminal without being shown.
 * @throws AppError invalidValue without a file and without a terminal, cancelled at Ctrl-C
 */
export async function passwordOf(file: string | undefined, option: string, question: string): Promise<string> {
  if (file !== undefined) return readSecretFile(file, option);
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new AppError('invalidValue', `${option}: there is no terminal to ask for the password`, {
      field: option,
      hint: `Give a file with the password: ${option} FILE.`,
    });
  }
  const password = await typed(question);
  if (password === '') throw new AppError('invalidValue', 'the password is empty', { field: option });
  return password;
}

/** Enter, and Ctrl-D. */
const ends = '\r\n\u0004';

function typed(question: string): Promise<string> {
  const { stdin, stderr } = process;
  // First no echo, then the question: somebody, or a program, may answer at once.
  stdin.setRawMode(true).setEncoding('utf8').resume();
  stderr.write(`${question}: `);
  return new Promise((resolve, reject) => {
    let text = '';
    const end = (settle: () => void) => {
      stdin.off('data', onData).setRawMode(false).pause();
      stderr.write('\n');
      settle();
    };
    const onData = (chunk: Buffer | string) => {
      for (const sign of String(chunk)) {
        if (sign === '\u0003') return end(() => reject(new AppError('cancelled', 'no password was given')));
        if (ends.includes(sign)) return end(() => resolve(text.trim()));
        if (sign === '\u007f' || sign === '\b') text = text.replace(/.$/su, '');
        else text += sign;
      }
    };
    stdin.on('data', onData);
  });
}
