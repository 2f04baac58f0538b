"""English. Present tense, subject first, the field's word for a thing; a remedy says what to do, not what not to do."""
