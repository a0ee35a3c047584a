/** What the peer answers instead of doing what it was asked. */
export class S3Refusal extends Error {
  readonly status: number;
  readonly code: string;
  /** More elements of the error document. */
  readonly more: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message = '', more: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.more = more;
  }
}

export function escapeXml(text: string): string {
  return text.replace(/[<>&"']/gu, (c) => `&#${c.codePointAt(0)};`);
}

export function refusalDocument({ code, message, more }: S3Refusal): string {
  const fields = Object.entries({ Code: code, Message: message, ...more });
  const elements = fields.map(([name, text]) => `<${name}>${escapeXml(text)}</${name}>`).join('');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${elements}<RequestId>1</RequestId></Error>`;
}
