"""English: present tense, subject first, the field's word for a thing. A remedy says what to do."""
