/** Names of a study's stages, apart from what runs them: who lists artifacts asks for no more. */
export const searchDocumentsName = "search-documents";
