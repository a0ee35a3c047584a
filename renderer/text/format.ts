import { type Language, languages } from './languages.ts';

const noBreak = '\u00a0';

interface Words {
  readonly bytes: readonly string[];
  readonly second: string;
  readonly minute: string;
  readonly hour: string;
  readonly day: string;
  readonly now: string;
  readonly perSecond: string;
}

// Units follow the binary prefixes of IEC 80000-13 and GOST 8.417.
const words: Record<Language, Words> = {
  en: {
    bytes: ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'],
    second: 's',
    minute: 'min',
    hour: 'h',
    day: 'd',
    now: 'now',
    perSecond: '/s',
  },
  ru: {
    bytes: ['Б', 'КиБ', 'МиБ', 'ГиБ', 'ТиБ', 'ПиБ'],
    second: 'с',
    minute: 'мин',
    hour: 'ч',
    day: 'д',
    now: 'сейчас',
    perSecond: '/с',
  },
  zh: {
    bytes: ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'],
    second: '秒',
    minute: '分',
    hour: '小时',
    day: '天',
    now: '刚刚',
    perSecond: '/s',
  },
};

export interface Format {
  readonly count: (value: number) => string;
  /** Binary units, about three digits. */
  readonly bytes: (value: number) => string;
  /** The exact number, for a tip. */
  readonly exactBytes: (value: number) => string;
  readonly speed: (bytesPerSecond: number) => string;
  /** 0 to 100, one decimal. */
  readonly percent: (value: number) => string;
  /** Age or wait, rough: `5 min`, `24 h 07`, `3 d`. */
  readonly span: (milliseconds: number) => string;
  /** A stopwatch: `0:02`, `1:06:17`. */
  readonly clock: (milliseconds: number) => string;
  /** Rest of a running task: `2 min 09 s`. */
  readonly left: (seconds: number) => string;
  /** Day and time, short, in the operator's zone; the year when it is another one. */
  readonly time: (instant: number) => string;
  /** Everything, with the zone. */
  readonly fullTime: (instant: number, zone?: string) => string;
  /** Ordering of names as people expect it. */
  readonly compare: (left: string, right: string) => number;
}

function makeNumbers(locale: string) {
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const one = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const two = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return { whole, one, two };
}

function makeSizes(language: Language) {
  const { whole, one, two } = makeNumbers(languages[language].locale);
  const units = words[language].bytes;
  const bytes = (value: number) => {
    let rest = value;
    let unit = 0;
    while (rest >= 1024 && unit < units.length - 1) {
      rest /= 1024;
      unit++;
    }
    const digits = unit === 0 || rest >= 99.95 ? whole : rest >= 9.995 ? one : two;
    return `${digits.format(rest)}${noBreak}${units[unit]}`;
  };
  return {
    bytes,
    count: (value: number) => whole.format(value),
    exactBytes: (value: number) => `${whole.format(value)}${noBreak}${units[0]}`,
    speed: (value: number) => bytes(value) + words[language].perSecond,
    percent: (value: number) => `${one.format(value)}${noBreak}%`,
  };
}

const two = (value: number) => String(value).padStart(2, '0');

function makeSpans(language: Language) {
  const { second, minute, hour, day, now } = words[language];
  const glue = language === 'zh' ? ' ' : noBreak;
  return {
    span(milliseconds: number): string {
      const minutes = Math.floor(Math.max(0, milliseconds) / 60_000);
      if (minutes < 1) return now;
      if (minutes < 60) return `${minutes}${glue}${minute}`;
      const hours = Math.floor(minutes / 60);
      if (hours < 48)
        return `${hours}${glue}${hour} ${two(minutes % 60)}${language === 'zh' ? `${glue}${minute}` : ''}`;
      return `${Math.floor(hours / 24)}${glue}${day}`;
    },
    clock(milliseconds: number): string {
      const seconds = Math.floor(Math.max(0, milliseconds) / 1000);
      const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
      return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
    },
    left(seconds: number): string {
      if (seconds < 60) return `${seconds}${glue}${second}`;
      if (seconds < 600) return `${Math.floor(seconds / 60)}${glue}${minute} ${two(seconds % 60)}${glue}${second}`;
      if (seconds < 5400) return `${Math.round(seconds / 60)}${glue}${minute}`;
      return `${Math.floor(seconds / 3600)}${glue}${hour} ${two(Math.floor(seconds / 60) % 60)}`;
    },
  };
}

function makeTimes(language: Language) {
  const { locale } = languages[language];
  const day = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });
  const dayAndYear = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric' });
  const hours = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const full = (timeZone: string | undefined) =>
    new Intl.DateTimeFormat(locale, {
      weekday: 'short',
      day: 'numeric',
      month: 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
      timeZoneName: 'short',
      ...(timeZone === undefined ? {} : { timeZone }),
    });
  const fulls = new Map<string, Intl.DateTimeFormat>();
  return {
    time(instant: number): string {
      const sameYear = new Date(instant).getFullYear() === new Date().getFullYear();
      return `${(sameYear ? day : dayAndYear).format(instant)} ${hours.format(instant)}`;
    },
    fullTime(instant: number, zone?: string): string {
      const key = zone ?? '';
      const found = fulls.get(key) ?? full(zone);
      fulls.set(key, found);
      return found.format(instant);
    },
  };
}

const made = new Map<Language, Format>();

/** Numbers, sizes and times as a language writes them; formatters are made once, since making them is slow. */
export function formatOf(language: Language): Format {
  const known = made.get(language);
  if (known !== undefined) return known;
  const collator = new Intl.Collator(languages[language].locale, { numeric: true, sensitivity: 'base' });
  const fresh: Format = {
    ...makeSizes(language),
    ...makeSpans(language),
    ...makeTimes(language),
    compare: collator.compare,
  };
  made.set(language, fresh);
  return fresh;
}
