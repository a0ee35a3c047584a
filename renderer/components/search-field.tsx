import { TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useState } from 'react';

interface Props {
  readonly label: string;
  readonly value: string;
  /** Called 200 ms after the last key. */
  readonly onChange: (value: string) => void;
}

/** The search of a page; the key / focuses it. */
export function SearchField({ label, value, onChange }: Props) {
  const [text, setText] = useState(value);
  const [seen, setSeen] = useState(value);
  // The address changed from outside (Clear filters, Back): the field follows it.
  if (seen !== value) {
    setSeen(value);
    setText(value);
  }
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onChange(text), 200);
    return () => clearTimeout(timer);
  }, [text, value, onChange]);
  return (
    <TextInput
      type="search"
      aria-label={label}
      placeholder={label}
      title={label}
      data-page-search
      leftSection={<IconSearch className="ic sm" aria-hidden />}
      leftSectionWidth={26}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
    />
  );
}
