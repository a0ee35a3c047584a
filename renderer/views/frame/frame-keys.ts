import { useEffect, useRef } from 'react';
import { useNavigate } from 'react-router';
import { isFloatingOpen } from '../../components/side-panel.tsx';
import { places } from './places.ts';

const chordMs = 1200;

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || target.closest('input, textarea, select') !== null)
  );
}

/** Single keys of the frame: `/` page search, `?` list of keys, `g` and a letter for a place. Only while no field has focus. */
export function useFrameKeys(onKeys: () => void): void {
  const navigate = useNavigate();
  const chordUntil = useRef(0);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (
        event.defaultPrevented ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        isTyping(event.target) ||
        isFloatingOpen()
      )
        return;
      const place = places.find(({ key }) => key === event.key);
      if (Date.now() < chordUntil.current && place !== undefined) {
        chordUntil.current = 0;
        event.preventDefault();
        event.stopPropagation();
        void navigate(place.to);
      } else if (event.key === 'g') chordUntil.current = Date.now() + chordMs;
      else if (event.key === '?') onKeys();
      else if (event.key === '/') {
        const field = document.querySelector<HTMLElement>('[data-page-search]');
        if (field !== null) event.preventDefault();
        field?.focus();
      }
    };
    // Before the lists: after g, the letter r means the Repository and not "run now".
    window.addEventListener('keydown', listen, { capture: true });
    return () => window.removeEventListener('keydown', listen, { capture: true });
  }, [navigate, onKeys]);
}
